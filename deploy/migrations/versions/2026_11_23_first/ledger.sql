-- The first tables of ledger.

-- machinery
CREATE TABLE ledger.attempts (
  clinic_id UUID NOT NULL,
  service TEXT NOT NULL,
  stage TEXT NOT NULL,
  index BIGINT NOT NULL,
  count BIGINT NOT NULL,
  error TEXT,
  halted_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_attempts PRIMARY KEY (clinic_id, service, stage)
);

-- machinery
CREATE TABLE ledger.bookmarks (
  clinic_id UUID NOT NULL,
  service TEXT NOT NULL,
  stage TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  size BIGINT NOT NULL,
  chain BYTEA NOT NULL,
  CONSTRAINT pk_bookmarks PRIMARY KEY (clinic_id, service, stage)
);

-- ledger
CREATE TABLE ledger.clinics (
  clinic_id UUID NOT NULL,
  epoch BIGINT NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_clinics PRIMARY KEY (clinic_id, epoch)
);

-- ledger
CREATE TABLE ledger.entries (
  clinic_id UUID NOT NULL,
  epoch BIGINT NOT NULL,
  index BIGINT NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id UUID NOT NULL,
  type TEXT NOT NULL,
  body BYTEA NOT NULL,
  chain BYTEA NOT NULL,
  CONSTRAINT pk_entries PRIMARY KEY (clinic_id, epoch, index),
  CONSTRAINT uq_entries_clinic_id_event_id UNIQUE (clinic_id, event_id),
  CONSTRAINT ck_entries_type_is_ascii CHECK (type ~ '^[a-z0-9._-]+\.v[0-9]+$'),
  CONSTRAINT ck_entries_body_is_small CHECK (octet_length(body) <= 32768)
);

-- machinery
CREATE TABLE ledger.fingerprints (
  clinic_id UUID NOT NULL,
  event_id UUID NOT NULL,
  fingerprint BYTEA NOT NULL,
  CONSTRAINT pk_fingerprints PRIMARY KEY (clinic_id, event_id)
);
