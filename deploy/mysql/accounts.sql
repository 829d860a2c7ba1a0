-- The database of ordersync and its two accounts, for MySQL 8, MariaDB 10.6 or newer, and TiDB. An administrator of the server runs
-- this once, after replacing both passwords by long random ones ('openssl rand -hex 24' makes one):
--
--   DAEMON-PASSWORD      goes into /etc/ordersync/credentials/db-password
--   MIGRATION-PASSWORD   goes into /etc/ordersync/credentials/db-ddl-password
--
-- '127.0.0.1' is the machine from which ordersyncd comes, as the server sees it: this one, over TCP. Where database.address is a
-- socket, write 'localhost'; where the server is another machine, the address of the one with ordersyncd.

CREATE DATABASE IF NOT EXISTS ordersync CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- The daemon and every typed command but 'migrate up': rows of this one database, and nothing else. It cannot make, change or drop a
-- table, see another database, or write to a server that is read-only.
CREATE USER IF NOT EXISTS 'ordersync'@'127.0.0.1' IDENTIFIED BY 'DAEMON-PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE ON ordersync.* TO 'ordersync'@'127.0.0.1';

-- 'ordersyncd migrate up' alone: the tables of this one database. It notes in them which steps are done.
CREATE USER IF NOT EXISTS 'ordersync_ddl'@'127.0.0.1' IDENTIFIED BY 'MIGRATION-PASSWORD';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX ON ordersync.* TO 'ordersync_ddl'@'127.0.0.1';

-- Whoever reads the tables, such as an ERP, gets an account of their own, and no more than the tables they read:
--   CREATE USER 'erp'@'192.0.2.10' IDENTIFIED BY '…';
--   GRANT SELECT ON ordersync.orders      TO 'erp'@'192.0.2.10';
--   GRANT SELECT ON ordersync.order_items TO 'erp'@'192.0.2.10';
--   GRANT SELECT ON ordersync.refunds     TO 'erp'@'192.0.2.10';
--   GRANT SELECT ON ordersync.shipments   TO 'erp'@'192.0.2.10';
--   GRANT SELECT ON ordersync.shipment_events TO 'erp'@'192.0.2.10';
