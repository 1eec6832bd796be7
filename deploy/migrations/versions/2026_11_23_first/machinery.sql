-- The first tables of machinery.

-- machinery
CREATE TABLE machinery.dead_letters (
  clinic_id UUID NOT NULL,
  system TEXT NOT NULL,
  inbox_entry TEXT NOT NULL,
  fields JSONB NOT NULL,
  reasons JSONB NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_dead_letters PRIMARY KEY (clinic_id, system, inbox_entry)
);

CREATE INDEX ix_dead_letters_clinic_id_received_at ON machinery.dead_letters (clinic_id, received_at);

-- machinery
CREATE TABLE machinery.outbox (
  clinic_id UUID NOT NULL,
  message_id UUID NOT NULL,
  recipient TEXT NOT NULL,
  recipient_id UUID NOT NULL,
  template TEXT NOT NULL,
  parameters JSONB NOT NULL,
  send_after TIMESTAMP WITH TIME ZONE NOT NULL,
  leased_until TIMESTAMP WITH TIME ZONE,
  attempts BIGINT NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_outbox PRIMARY KEY (clinic_id, message_id)
);

CREATE INDEX ix_outbox_send_after ON machinery.outbox (send_after) WHERE sent_at is null;

-- machinery
CREATE TABLE machinery.systems (
  clinic_id UUID NOT NULL,
  system TEXT NOT NULL,
  identity_id UUID NOT NULL,
  connected BOOLEAN NOT NULL,
  CONSTRAINT pk_systems PRIMARY KEY (clinic_id, system)
);
