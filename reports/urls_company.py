from django.urls import URLPattern, URLResolver, path

from reports.views import traffic

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/reports/", traffic.page, name="company_report"),
    path("admin/reports/traffic.csv", traffic.export, name="company_report_csv"),
]
