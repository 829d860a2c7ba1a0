package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mysql "github.com/go-sql-driver/mysql"

	"ordersync/internal/fault"
	"ordersync/internal/order"
)

func closedDB(t *testing.T, o Options) *DB {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestErrorsQuoteNothing shows every error that a server may make of a value, and that the value is not in ours.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	db := closedDB(t, Options{Name: "o"})
	for _, c := range []struct {
		number        uint16
		message, want string
	}{
		{1062, "Duplicate entry 'secret' for key 'PRIMARY'", "error 1062, key PRIMARY"},
		{1062, "Duplicate entry 'secret' for key 'orders.PRIMARY'", "error 1062, key PRIMARY"},
		{1062, "Duplicate entry 'O'secret' for key 'secret' for key 'orders_number'", "error 1062, key orders_number"},
		{1048, "Column 'modified_at' cannot be null", "error 1048, column modified_at"},
		{1264, "Out of range value for column 'total' at row 1", "error 1264, column total"},
		{1265, "Data truncated for column 'status' at row 27", "error 1265, column status"},
		{1292, "Incorrect datetime value: 'secret' for column `db`.`orders`.`paid_at` at row 1", "error 1292, column paid_at"},
		{1292, "Truncated incorrect DOUBLE value: 'column 'secret''", "error 1292"},
		{1292, "Incorrect datetime value: 'secret' for column 'secret' at row 1'", "error 1292"},
		{1366, `Incorrect string value: '\xF0secret' for column 'title' at row 2`, "error 1366, column title"},
		{1406, "Data too long for column 'number' at row 1", "error 1406, column number"},
		{1064, "You have an error in your SQL syntax; check the manual for 'secret' at line 1", "error 1064"},
		{1064, "... near key 'secret'", "error 1064"},
		{4025, "CONSTRAINT `orders.receiver` failed for `db`.`orders`", "error 4025"},
		{1205, "Lock wait timeout exceeded; try restarting transaction", "error 1205: Lock wait timeout exceeded; try restarting transaction"},
		{9999, "anything 'secret'", "error 9999"},
	} {
		err := db.failed(t.Context(), "op", &mysql.MySQLError{Number: c.number, Message: c.message})
		if got, ok := strings.CutPrefix(err.Error(), "op: "); !ok || got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.message, err, c.want)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(fmt.Sprintf("%+v %#v", e, e), "secret") {
				t.Errorf("%s: it is still in %#v", c.message, e)
			}
		}
		if _, leaked := errors.AsType[*mysql.MySQLError](err); leaked {
			t.Errorf("%d: the driver's error is still in the chain", c.number)
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Number != c.number || fault.KindOf(err) != fault.Database {
			t.Errorf("%d: %#v of kind %v", c.number, err, fault.KindOf(err))
		}
	}
}

// TestStopAndTell shows that the errors that only a person can end say what to do.
func TestStopAndTell(t *testing.T) {
	t.Parallel()
	db := closedDB(t, Options{Name: "o"})
	for number, want := range map[uint16]string{
		1040: "max_connections", 1044: "lacks a right", 1045: "database.password", 1049: "ordersyncd migrate up", 1054: "ordersyncd migrate up",
		1129: "FLUSH HOSTS", 1142: "lacks a right", 1146: "ordersyncd migrate up", 1114: "disk", 1021: "disk", 1030: "disk",
		1290: "read-only", 1665: "binlog_format",
	} {
		if err := db.failed(t.Context(), "op", &mysql.MySQLError{Number: number, Message: "m"}); !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want it to say %q", number, err, want)
		}
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want class
	}{
		{&mysql.MySQLError{Number: 1213}, classAgain}, {&mysql.MySQLError{Number: 1205}, classAgain}, {&mysql.MySQLError{Number: 1020}, classAgain},
		{&mysql.MySQLError{Number: 1180}, classAgain}, {&mysql.MySQLError{Number: 1114}, classAgain}, {errRaced, classAgain},
		{errors.New("unforeseen"), classAgain},
		{mysql.ErrInvalidConn, classReconnect}, {driver.ErrBadConn, classReconnect}, {io.EOF, classReconnect},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, classReconnect}, {mysql.ErrPktTooLarge, classReconnect},
		{&mysql.MySQLError{Number: 1040}, classReconnect}, {&mysql.MySQLError{Number: 1053}, classReconnect},
		{&mysql.MySQLError{Number: 1129}, classReconnect}, {&mysql.MySQLError{Number: 1158}, classReconnect},
		{&mysql.MySQLError{Number: 1161}, classReconnect}, {&mysql.MySQLError{Number: 1290}, classReconnect},
		{&mysql.MySQLError{Number: 1792}, classReconnect}, {&mysql.MySQLError{Number: 1836}, classReconnect},
		{&mysql.MySQLError{Number: 1927}, classReconnect}, {&mysql.MySQLError{Number: 1047}, classReconnect},
		{&mysql.MySQLError{Number: 1048}, classPoison}, {&mysql.MySQLError{Number: 1264}, classPoison}, {&mysql.MySQLError{Number: 1265}, classPoison},
		{&mysql.MySQLError{Number: 1292}, classPoison}, {&mysql.MySQLError{Number: 1366}, classPoison}, {&mysql.MySQLError{Number: 1406}, classPoison},
		{&mysql.MySQLError{Number: 1044}, classTell}, {&mysql.MySQLError{Number: 1045}, classTell}, {&mysql.MySQLError{Number: 1049}, classTell},
		{&mysql.MySQLError{Number: 1054}, classTell}, {&mysql.MySQLError{Number: 1142}, classTell}, {&mysql.MySQLError{Number: 1146}, classTell},
		{&mysql.MySQLError{Number: 1062}, classTell},
		{order.ErrMoved, classStop}, {errOurs, classStop}, {context.Canceled, classStop}, {refusal{}, classStop},
		{fault.New(fault.Internal, io.EOF), classStop},
	} {
		if got := classOf(fmt.Errorf("wrapped: %w", c.err)); got != c.want {
			t.Errorf("%v: class %d, want %d", c.err, got, c.want)
		}
	}
}

// TestFacts shows what is set in code, whatever a DSN says.
func TestFacts(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"parts": {Name: "o"},
		"dsn": {DSN: "u:p@tcp(127.0.0.1:3306)/o?parseTime=false&loc=Local&clientFoundRows=false&maxAllowedPacket=99&timeout=9h&multiStatements=true" +
			"&rejectReadOnly=false&allowAllFiles=true&time_zone=SYSTEM&sql_mode=%27%27&charset=latin1"},
	} {
		c := closedDB(t, o).config
		if !c.ParseTime || c.Loc.String() != "UTC" || !c.ClientFoundRows || !c.RejectReadOnly || c.MaxAllowedPacket != 0 || c.MultiStatements ||
			c.AllowAllFiles || c.Timeout != dialTimeout || c.ReadTimeout != ioTimeout || c.WriteTimeout != ioTimeout || c.AllowFallbackToPlaintext {
			t.Errorf("%s: %+v", name, c)
		}
		if c.Params["time_zone"] != "'+00:00'" || c.Params["sql_mode"] != "'"+sqlMode+"'" || !strings.Contains(c.FormatDSN(), "charset=utf8mb4") {
			t.Errorf("%s: %v %s", name, c.Params, c.FormatDSN())
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "tcp 127.0.0.1:3306", "localhost": "tcp localhost:3306", "localhost:3307": "tcp localhost:3307", "/run/mysqld.sock": "unix /run/mysqld.sock",
		"::1": "tcp [::1]:3306", "[::1]:3307": "tcp [::1]:3307", "db.example.com": "tcp db.example.com:3306 tls db.example.com",
		"10.0.0.1:3306": "tcp 10.0.0.1:3306 tls 10.0.0.1",
	} {
		c := closedDB(t, Options{Address: address, Name: "o"}).config
		got := c.Net + " " + c.Addr
		if c.TLS != nil {
			got += " tls " + c.TLS.ServerName
			if c.TLS.InsecureSkipVerify || c.TLS.MinVersion < 0x0303 {
				t.Errorf("%q: the server is not verified", address)
			}
		}
		if got != want {
			t.Errorf("%q leads to %q, want %q", address, got, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"no name is given":       {Address: "127.0.0.1"},
		"the dsn cannot be read": {DSN: "u:canary@tcp(127.0.0.1"},
		"database.tls.ca":        {DSN: "u:canary@tcp(h)/o?tls=skip-verify"},
		"tls.ca":                 {Address: "h", Name: "o", TLS: &TLS{CA: "/nowhere/ca.pem"}},
		"no certificate":         {Address: "h", Name: "o", TLS: &TLS{CA: empty}},
	} {
		_, err := Open(o)
		if fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v (kind %v)", name, err, fault.KindOf(err))
		}
	}
	plain := closedDB(t, Options{DSN: "u@tcp(h:3306)/o?tls=false"})
	if warnings := plain.warnings(nil); len(warnings) == 0 || !strings.Contains(strings.Join(warnings, " "), "not encrypted") {
		t.Errorf("a connection without TLS earns %v", warnings)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	db := closedDB(t, Options{Name: "o"})
	db.packet.Store(16 << 20)
	good := map[string]string{"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "0", "log_bin": "OFF", "read_only": "OFF"}
	if warnings := db.warnings(good); len(warnings) > 0 {
		t.Errorf("got %v", warnings)
	}
	db.packet.Store(1 << 20)
	poor := map[string]string{"innodb_flush_log_at_trx_commit": "2", "sync_binlog": "0", "log_bin": "ON", "read_only": "ON"}
	if warnings := db.warnings(poor); len(warnings) != 4 {
		t.Errorf("got %v", warnings)
	}
}
