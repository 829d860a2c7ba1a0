// Package status says how everything stands, by what the tables say: for the command of that name, and for those who tell of failures.
//
// It promises that both judge by the same facts and rules; that all times are by the database's clock; that nothing here changes anything
// or asks a shop; and that the JSON of an [Overview] only ever gets more keys.
package status
