-- oldest: 1
-- Which tick of each job was claimed last, by whom it is run, and when a failed run is repeated; by the clock of the database.

-- +goose Up
CREATE TABLE IF NOT EXISTS job_state (
  job        VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_tick  DATETIME(6)  NOT NULL,
  attempt    INT          NOT NULL,
  repeat_at  DATETIME(6)  NULL,
  holder     VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  held_until DATETIME(6)  NULL,
  skipped    BIGINT       NOT NULL,
  PRIMARY KEY (job)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
