-- oldest: 1

-- +goose Up
CREATE TABLE IF NOT EXISTS order_items (
  source        VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  order_id      VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  line_id       VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  sku           VARCHAR(191)  NULL,
  product_id    VARCHAR(191)  NULL,
  variant_id    VARCHAR(191)  NULL,
  title         VARCHAR(512)  NULL,
  variant       VARCHAR(512)  NULL,
  quantity      DECIMAL(20,6) NULL,
  unit_price    DECIMAL(20,6) NULL,
  discount      DECIMAL(20,6) NULL,
  total         DECIMAL(20,6) NULL,
  status        VARCHAR(191)  NULL,
  refund_status VARCHAR(191)  NULL,
  image_url     VARCHAR(1024) NULL,
  PRIMARY KEY (source, order_id, line_id),
  KEY order_items_sku (sku)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
