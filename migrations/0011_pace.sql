-- oldest: 1
-- The right to call, per credential (a hash that names it). next_call is the first free slot, in microseconds since 1970 of the
-- database's clock. used is the number of the day since 1970 times 1,000,000,000 plus the calls of that day.

-- +goose Up
CREATE TABLE IF NOT EXISTS pace (
  credential   VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  next_call    BIGINT       NOT NULL,
  used         BIGINT       NOT NULL,
  parked_until DATETIME(6)  NULL,
  refused_at   DATETIME(6)  NULL,
  probe_at     DATETIME(6)  NULL,
  PRIMARY KEY (credential)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
