-- oldest: 1
-- The steps of a parcel's way, oldest first by position. They change together with synced_at of their parcel.

-- +goose Up
CREATE TABLE IF NOT EXISTS shipment_events (
  source          VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id        VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  carrier         VARCHAR(128)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  tracking_number VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  position        INT           NOT NULL,
  happened_at     DATETIME(6)   NULL,
  description     VARCHAR(1024) NOT NULL,
  action          VARCHAR(64)   NOT NULL,
  PRIMARY KEY (source, order_id, carrier, tracking_number, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
