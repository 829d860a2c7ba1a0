-- oldest: 1
-- What people did by hand.

-- +goose Up
CREATE TABLE IF NOT EXISTS audit_log (
  entry_id BIGINT        NOT NULL AUTO_INCREMENT,
  at       DATETIME(6)   NOT NULL,
  actor    VARCHAR(191)  NOT NULL,
  host     VARCHAR(255)  NOT NULL,
  action   VARCHAR(191)  NOT NULL,
  subject  VARCHAR(512)  NOT NULL,
  detail   TEXT          NOT NULL,
  PRIMARY KEY (entry_id),
  KEY audit_log_at (at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
