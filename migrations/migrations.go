// Package migrations holds the numbered steps of the database schema and nothing else.
package migrations
