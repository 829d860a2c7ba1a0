-- oldest: 1
-- History alone. Consecutive empty runs of a job share one row: runs counts them, ended_at is the end of the last. backlog is how many
-- orders of times before backlog_until the remote had announced that a failed run did not store.

-- +goose Up
CREATE TABLE IF NOT EXISTS runs (
  run_id           VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  job              VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  source           VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  stream           VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  tick_at          DATETIME(6)   NULL,
  attempt          INT           NOT NULL,
  holder           VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  outcome          VARCHAR(16)   NOT NULL,
  kind             VARCHAR(32)   NOT NULL,
  error            VARCHAR(2048) NOT NULL,
  started_at       DATETIME(6)   NOT NULL,
  ended_at         DATETIME(6)   NOT NULL,
  since_at         DATETIME(6)   NULL,
  until_at         DATETIME(6)   NULL,
  watermark        DATETIME(6)   NULL,
  windows          BIGINT        NOT NULL,
  passes           BIGINT        NOT NULL,
  pages            BIGINT        NOT NULL,
  records          BIGINT        NOT NULL,
  orders_inserted  BIGINT        NOT NULL,
  orders_updated   BIGINT        NOT NULL,
  orders_unchanged BIGINT        NOT NULL,
  orders_stale     BIGINT        NOT NULL,
  orders_dead      BIGINT        NOT NULL,
  orders_released  BIGINT        NOT NULL,
  rounded          BIGINT        NOT NULL,
  repaired         BIGINT        NOT NULL,
  shortfall        BIGINT        NOT NULL,
  backlog          BIGINT        NULL,
  backlog_until    DATETIME(6)   NULL,
  runs             BIGINT        NOT NULL,
  last_run_id      VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (run_id),
  KEY runs_job (job, ended_at),
  KEY runs_outcome (job, outcome, ended_at),
  KEY runs_backlog (source, backlog),
  KEY runs_ended (ended_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
