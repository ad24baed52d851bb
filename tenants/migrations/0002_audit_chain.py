"""The audit log is numbered and chained by the database, which refuses to change or delete it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION public.audit_event_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    -- One writer a chain at a time, until commit: numbers have no gaps and digests one order.
    PERFORM pg_advisory_xact_lock(
        hashtextextended('audit_event:' || coalesce(NEW.company_id::text, 'platform'), 0));
    SELECT number, digest INTO last FROM public.tenants_auditevent
        WHERE company_id IS NOT DISTINCT FROM NEW.company_id ORDER BY number DESC LIMIT 1;
    NEW.number := coalesce(last.number, 0) + 1;
    NEW.previous_digest := coalesce(last.digest, '');
    NEW.digest := public.audit_event_digest(NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION public.audit_event_digest(e public.tenants_auditevent) RETURNS text
LANGUAGE sql STABLE AS $$
    -- A JSON array: no value can be moved across the border to its neighbour.
    SELECT encode(sha256(convert_to(jsonb_build_array(
        e.previous_digest, e.company_id, e.number,
        to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        e.actor_kind, e.actor_id, e.verb, e.target_kind, e.target_id,
        e.facts)::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION public.audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_chain BEFORE INSERT ON public.tenants_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_chain();
CREATE TRIGGER audit_event_refuse BEFORE UPDATE OR DELETE ON public.tenants_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_refuse();
CREATE TRIGGER audit_event_refuse_truncate BEFORE TRUNCATE ON public.tenants_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_event_refuse();
"""

BACKWARD = """
DROP TRIGGER audit_event_chain ON public.tenants_auditevent;
DROP TRIGGER audit_event_refuse ON public.tenants_auditevent;
DROP TRIGGER audit_event_refuse_truncate ON public.tenants_auditevent;
DROP FUNCTION public.audit_event_chain();
DROP FUNCTION public.audit_event_refuse();
DROP FUNCTION public.audit_event_digest(public.tenants_auditevent);
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
