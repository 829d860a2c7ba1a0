-- oldest: 1
-- The parcels of orders. An ERP follows them by (synced_at, source, order_id), and columns are only ever added. Those from line_ids on
-- are internal: which lines the remote must be told of, when the parcel moved last, how often and when the remote was asked, and when
-- it is asked again (NULL: never).

-- +goose Up
CREATE TABLE IF NOT EXISTS shipments (
  source          VARCHAR(64)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id        VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  carrier         VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  tracking_number VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  status          VARCHAR(32)  NOT NULL,
  source_status   VARCHAR(191) NULL,
  shipped_at      DATETIME(6)  NULL,
  delivered_at    DATETIME(6)  NULL,
  first_seen_at   DATETIME(6)  NOT NULL,
  synced_at       DATETIME(6)  NOT NULL,
  line_ids        TEXT         NOT NULL,
  is_split        TINYINT      NOT NULL,
  moved_at        DATETIME(6)  NOT NULL,
  asks            INT          NOT NULL,
  asked_at        DATETIME(6)  NULL,
  next_at         DATETIME(6)  NULL,
  PRIMARY KEY (source, order_id, carrier, tracking_number),
  KEY shipments_synced (synced_at, source, order_id),
  KEY shipments_next (source, next_at),
  KEY shipments_number (tracking_number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
