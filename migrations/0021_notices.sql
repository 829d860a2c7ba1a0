-- oldest: 1
-- Each notice on its way through each channel: waiting, sent, merged into a later notice, or given up. body is the notice as JSON;
-- number keeps the order in which they were made.

-- +goose Up
CREATE TABLE IF NOT EXISTS notices (
  notice_id VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  channel   VARCHAR(320)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  number    BIGINT        NOT NULL AUTO_INCREMENT,
  sort      VARCHAR(16)   NOT NULL,
  class     VARCHAR(32)   NOT NULL,
  state     VARCHAR(16)   NOT NULL,
  made_at   DATETIME(6)   NOT NULL,
  ended_at  DATETIME(6)   NULL,
  attempts  INT           NOT NULL,
  next_at   DATETIME(6)   NULL,
  error     VARCHAR(1024) NOT NULL,
  body      MEDIUMTEXT    NOT NULL,
  PRIMARY KEY (notice_id, channel),
  UNIQUE KEY notices_number (number),
  KEY notices_state (state, ended_at),
  KEY notices_sort (sort, made_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
