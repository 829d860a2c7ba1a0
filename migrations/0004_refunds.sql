-- oldest: 1

-- +goose Up
CREATE TABLE IF NOT EXISTS refunds (
  source      VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  refund_id   VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id    VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  line_id     VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  amount      DECIMAL(20,6) NULL,
  status      VARCHAR(191)  NULL,
  reason      VARCHAR(512)  NULL,
  created_at  DATETIME(6)   NULL,
  refunded_at DATETIME(6)   NULL,
  PRIMARY KEY (source, refund_id),
  KEY refunds_order (source, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
