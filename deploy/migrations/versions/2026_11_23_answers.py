"""A client's no to a consent, as the chair and the desk tell it."""

from alembic import op

revision = "2026_11_23_answers"
down_revision = "2026_11_23_signers"
branch_labels = None
depends_on = None

SAID = """
  select e.clinic_id, e.index, e.type, e.recorded_at, (e.said ->> 'client_id')::uuid as client_id, e.said ->> 'language' as language,
         (e.said ->> 'form_version')::bigint as form_version,
         least((e.said ->> 'signed_at')::timestamp with time zone, e.recorded_at) as signed_at
    from (select e.clinic_id, e.index, e.type, e.recorded_at, convert_from(e.body, 'UTF8')::jsonb -> 'data' as said
            from ledger.entries e
            join ledger.bookmarks b on b.clinic_id = e.clinic_id and b.service = '{service}' and b.stage = 'projected'
           where e.index < b.size and e.type in ('consent.signed.v1', 'consent.declined.v1')) e
"""


def upgrade() -> None:
    """Both are projections; what was projected already is put in, or a no that was said before would not be told."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        """
        create table treatment.declines (
          clinic_id uuid not null,
          client_id uuid not null,
          language text not null,
          form_version bigint not null,
          declined_at timestamp with time zone not null,
          constraint pk_declines primary key (clinic_id, client_id)
        )
        """
    )
    op.execute(
        """
        create table booking.consent_answers (
          clinic_id uuid not null,
          client_id uuid not null,
          signed_at timestamp with time zone,
          declined_at timestamp with time zone,
          language text,
          form_version bigint,
          constraint pk_consent_answers primary key (clinic_id, client_id)
        )
        """
    )
    op.execute(
        f"""
        insert into treatment.declines (clinic_id, client_id, language, form_version, declined_at)
        select distinct on (clinic_id, client_id) clinic_id, client_id, language, form_version, recorded_at
          from ({SAID.format(service="treatment")}) s
         where type = 'consent.declined.v1'
         order by clinic_id, client_id, index desc
        """
    )
    op.execute(
        f"""
        insert into booking.consent_answers (clinic_id, client_id, signed_at, declined_at, language, form_version)
        select clinic_id, client_id, signed.at, declined.at, declined.language, declined.form_version
          from (select clinic_id, client_id, max(signed_at) as at
                  from ({SAID.format(service="booking")}) s where type = 'consent.signed.v1' group by 1, 2) signed
          full join (select distinct on (clinic_id, client_id) clinic_id, client_id, recorded_at as at, language, form_version
                       from ({SAID.format(service="booking")}) s
                      where type = 'consent.declined.v1'
                      order by clinic_id, client_id, index desc) declined using (clinic_id, client_id)
        """
    )
