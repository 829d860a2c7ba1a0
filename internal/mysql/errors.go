package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	mysql "github.com/go-sql-driver/mysql"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

// Error is a failure that the server reported by its number. Its text quotes no stored or sent value.
type Error struct {
	// Number is the server's number, such as 1213.
	Number uint16
	// Column is the column or key that the server named, where it named one.
	Column string
	text   string
}

func (e *Error) Error() string { return e.text }

const (
	duplicateKey    = 1062
	noSuchTable     = 1146
	packetTooLarge  = 1153
	unknownVariable = 1193
)

// class says what to do about a failure.
type class uint8

const (
	// classAgain: roll back and do the transaction again. Also for what nobody foresaw.
	classAgain class = iota
	// classReconnect: the same on a new connection.
	classReconnect
	// classPoison: the server refuses one of the rows.
	classPoison
	// classTell: nothing helps but a person.
	classTell
	// classStop: we are stopping, or the failure is our own judgement.
	classStop
)

// classOf judges what a driver call returned.
func classOf(err error) class {
	if own, ok := errors.AsType[*Error](err); ok {
		return classOfNumber(own.Number)
	}
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return classOfNumber(server.Number)
	}
	if _, ok := errors.AsType[fault.Kind](err); ok {
		return classStop
	}
	if _, ok := errors.AsType[refusal](err); ok {
		return classStop
	}
	if errors.Is(err, order.ErrMoved) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return classStop
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, mysql.ErrPktTooLarge) {
		return classReconnect
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return classReconnect
	}
	return classAgain
}

func classOfNumber(number uint16) class {
	switch number {
	case 1040, 1047, 1053, 1129, packetTooLarge, 1158, 1159, 1160, 1161, 1203, 1290, 1792, 1836, 1927:
		return classReconnect
	case 1048, 1264, 1265, 1292, 1366, 1406, 3140, 3819, 4025, 4038:
		return classPoison
	case duplicateKey, 1044, 1045, 1049, 1054, 1142, 1143, noSuchTable, 1698:
		return classTell
	default:
		return classAgain
	}
}

// numberOf returns the server's number in err, zero where there is none.
func numberOf(err error) uint16 {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Number
	}
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}

// failed classifies err for the rooms above and takes the data out of it; nil stays nil. op says what we were doing.
func (db *DB) failed(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(ctx.Err(), cause) {
			return fmt.Errorf("%s: %w (%w)", op, cause, ctx.Err())
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fault.Errorf(fault.Database, "%s: the database did not answer in time: %w", op, ctx.Err())
		}
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	if _, ok := errors.AsType[fault.Kind](err); ok || errors.Is(err, order.ErrMoved) {
		return fmt.Errorf("%s: %w", op, err)
	}
	if server := serverError(err); server != nil {
		return fault.Errorf(fault.Database, "%s: %w", op, server)
	}
	if errors.Is(err, driver.ErrBadConn) && db.readOnly(ctx) {
		return fault.Errorf(fault.Database, "%s: the database is read-only: a replica, or a failover is going on", op)
	}
	return fault.Errorf(fault.Database, "%s: %w%s", op, err, db.whereabouts(err))
}

// whereabouts says what may be wrong when no server answers.
func (db *DB) whereabouts(err error) string {
	if errors.Is(err, mysql.ErrNoTLS) {
		return fmt.Sprintf("; the server at %s offers no encryption: set it up there, or write tls=false into the dsn if the way is safe", db.config.Addr)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "; is the database server running, and is its address right?"
	}
	if errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) {
		return "; the database ended the connection"
	}
	return ""
}

// readOnly asks why a server refuses to write: the driver tells it as a bad connection.
func (db *DB) readOnly(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var on bool
	return db.pool.QueryRowContext(ctx, selectReadOnly).Scan(&on) == nil && on
}

// serverError returns what the server said in err, nil where it said nothing.
func serverError(err error) *Error {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return translate(server)
	}
	return nil
}

// translate makes our own error of the server's. The server's words are kept where they cannot hold data; elsewhere nothing but the
// number and the name of a column or key is.
func translate(server *mysql.MySQLError) *Error {
	e := &Error{Number: server.Number, Column: columnOf(server)}
	switch {
	case wordsAreSafe(server.Number):
		e.text = fmt.Sprintf("error %d: %s", server.Number, strings.TrimSpace(server.Message))
	case e.Column != "":
		e.text = fmt.Sprintf("error %d, %s", server.Number, e.Column)
	default:
		e.text = fmt.Sprintf("error %d", server.Number)
	}
	if remedy := remedyOf(server.Number); remedy != "" {
		e.text = remedy + " (" + e.text + ")"
	}
	return e
}

// columnName finds the name of a column or a key at the end of a message, where the server puts it after the value that it quotes. A
// value cannot pass for one: it is followed by the quote that ends it.
var columnName = regexp.MustCompile("(?i)\\b(column|key) [`'\"]([A-Za-z0-9_.`]{1,200})[`'\"](?: at row [0-9]+| cannot be null)?$")

func columnOf(server *mysql.MySQLError) string {
	if server.Number != duplicateKey && classOfNumber(server.Number) != classPoison {
		return ""
	}
	found := columnName.FindStringSubmatch(strings.TrimSpace(server.Message))
	if found == nil {
		return ""
	}
	name := strings.ReplaceAll(found[2], "`", "")
	return strings.ToLower(found[1]) + " " + name[strings.LastIndex(name, ".")+1:]
}

// wordsAreSafe lists the messages that are made of names and numbers alone. A message that is not listed may quote a value, or the
// statement, which holds values.
func wordsAreSafe(number uint16) bool {
	switch number {
	case 1020, 1021, 1030, 1040, 1044, 1045, 1047, 1049, 1053, 1054, 1114, 1129, 1130, 1142, 1143, noSuchTable, packetTooLarge, 1180, 1203,
		1205, 1213, 1226, 1227, 1290, 1665, 1698, 1792, 1836, 1927, 1969:
		return true
	default:
		return false
	}
}

// remedyOf says in an operator's words what is wrong and what to do.
func remedyOf(number uint16) string {
	switch number {
	case 1040, 1203, 1226:
		return "the database has no connection left for us: raise max_connections there, or run fewer programs"
	case 1129:
		return "the database has locked this host out after too many failed connections; type there: FLUSH HOSTS"
	case 1044, 1142, 1143, 1227:
		return "the database account lacks a right: ordersyncd run needs SELECT, INSERT, UPDATE and DELETE on its database, " +
			"ordersyncd migrate also CREATE, ALTER, DROP and INDEX"
	case 1045, 1698:
		return "the database refuses the account or its password: check database.user and database.password"
	case 1049:
		return "the database does not exist: create it, then type: ordersyncd migrate up"
	case 1054, noSuchTable:
		return "the database lacks a table or a column of ours; type: ordersyncd migrate up"
	case 1021, 1114, 1030:
		return "the disk of the database is full or failing"
	case 1290, 1792, 1836:
		return "the database is read-only: a replica, or a failover is going on"
	case 1665:
		return "the database writes its binary log in the form STATEMENT, which loses changes: set binlog_format to MIXED or ROW there"
	default:
		return ""
	}
}
