-- oldest: 1
-- What the owner of a shop granted, sealed with a key that is not in the database. sealed_as is the source's name when it was sealed;
-- over_session names the session that the configuration held then. renewing_until is set while a process renews the token.

-- +goose Up
CREATE TABLE IF NOT EXISTS tokens (
  source          VARCHAR(64)     CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  access_sealed   VARBINARY(8192) NOT NULL,
  refresh_sealed  VARBINARY(8192) NULL,
  sealed_as       VARCHAR(64)     NOT NULL,
  over_session    VARCHAR(191)    NOT NULL,
  user_id         VARCHAR(191)    NOT NULL,
  user_nick       VARCHAR(255)    NOT NULL,
  obtained_at     DATETIME(6)     NOT NULL,
  ends_at         DATETIME(6)     NULL,
  refresh_ends_at DATETIME(6)     NULL,
  r1_ends_at      DATETIME(6)     NULL,
  r2_ends_at      DATETIME(6)     NULL,
  w1_ends_at      DATETIME(6)     NULL,
  w2_ends_at      DATETIME(6)     NULL,
  sliding         BOOLEAN         NOT NULL,
  revision        BIGINT          NOT NULL,
  renewing_until  DATETIME(6)     NULL,
  stored_at       DATETIME(6)     NOT NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
