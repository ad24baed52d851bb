from django.urls import URLPattern, URLResolver, path

from chat.views import demo, desk

urlpatterns: list[URLPattern | URLResolver] = [
    path("demo/<slug:slug>/", demo.page, name="demo_page"),
    path("desk/", desk.desk, name="desk"),
    path("desk/lists/", desk.lists_part, name="desk_lists"),
    path("desk/brands.css", desk.brands, name="desk_brands"),
    path("desk/c/<slug:slug>/<uuid:conversation_id>/", desk.conversation, name="desk_conversation"),
    path("desk/c/<slug:slug>/<uuid:conversation_id>/part/", desk.opened_part, name="desk_opened"),
]
