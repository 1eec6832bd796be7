-- The first tables of access.

-- machinery
CREATE TABLE access.grants (
  clinic_id UUID NOT NULL,
  identity_id UUID NOT NULL,
  role TEXT NOT NULL,
  granted BOOLEAN NOT NULL,
  until TIMESTAMP WITH TIME ZONE,
  epoch BIGINT NOT NULL,
  size BIGINT NOT NULL,
  CONSTRAINT pk_grants PRIMARY KEY (clinic_id, identity_id, role)
);

-- machinery
CREATE TABLE access.tokens (
  clinic_id UUID NOT NULL,
  token_hash BYTEA NOT NULL,
  token_id UUID NOT NULL,
  identity_id UUID NOT NULL,
  label TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_tokens PRIMARY KEY (clinic_id, token_hash)
);

CREATE UNIQUE INDEX ix_tokens_clinic_id_token_id ON access.tokens (clinic_id, token_id);

CREATE INDEX ix_tokens_token_hash ON access.tokens (token_hash);
