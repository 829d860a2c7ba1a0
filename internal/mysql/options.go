package mysql

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"ordersync/internal/fault"
)

// Options say which database, and as whom. Either DSN, or Address, Name, User and Password.
type Options struct {
	// Address is host:port, a host, or the path of a socket.
	Address  string
	Name     string
	User     string
	Password string
	// DSN is a whole line in the form of go-sql-driver/mysql; what this package relies on is set over it.
	DSN string
	// TLS is how the connection is encrypted. Nil: not at all on a socket or to a loopback address, elsewhere with the system's
	// authorities. There is no way not to verify the server; a DSN may say tls=false, which Check warns of.
	TLS *TLS
	// MigrateUser and MigratePassword are the account that changes the schema; empty: the one above.
	MigrateUser, MigratePassword string
	// Connections is the most that are open at once; zero means 4.
	Connections int
	// LockWait is how long a statement waits for another transaction, in whole seconds; zero means 10 s.
	LockWait time.Duration
	// Log hears what the driver has to say; nil discards.
	Log *slog.Logger
}

// TLS says how the server's certificate is checked.
type TLS struct {
	// CA is the path of a file with the certificates (PEM) that may have signed the server's; empty: the system's authorities.
	CA string
	// ServerName is the name in the certificate; empty: the host of the address.
	ServerName string
}

const (
	dialTimeout = 5 * time.Second
	// ioTimeout bounds one read or write. It is longer than every wait inside the server that is bounded there, so that the server's
	// own answer comes first.
	ioTimeout       = 30 * time.Second
	defaultLockWait = 10 * time.Second
	// metadataWait bounds the wait for a table that an ALTER or a backup has locked.
	metadataWait = 20 * time.Second

	connections = 4
	// connLife is short of what servers and firewalls allow, and lets a pool find its way back after a failover.
	connLife = 5 * time.Minute
	connIdle = 2 * time.Minute

	// sqlMode makes the server refuse what does not fit instead of changing it.
	sqlMode = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)

// config sets the facts of a connection in code, over whatever a DSN says.
func (o Options) config(log *slog.Logger) (*driver.Config, error) {
	c, err := o.target()
	if err != nil {
		return nil, err
	}
	if c.DBName == "" {
		return nil, fault.Errorf(fault.Config, "database: no name is given")
	}
	if err := o.encrypt(c); err != nil {
		return nil, fault.Errorf(fault.Config, "database: %w", err)
	}
	c.Loc = time.UTC
	c.ParseTime = true
	// An update that finds its row and changes nothing must not look like one that found none.
	c.ClientFoundRows = true
	c.RejectReadOnly = true
	c.CheckConnLiveness = true
	c.MaxAllowedPacket = 0 // what the server says
	c.Timeout, c.ReadTimeout, c.WriteTimeout = dialTimeout, ioTimeout, ioTimeout
	// One statement is then one round trip, and the server need not describe thousands of placeholders first. It is sound with
	// utf8mb4, which is set below.
	c.InterpolateParams = true
	c.MultiStatements, c.AllowAllFiles, c.AllowOldPasswords, c.AllowFallbackToPlaintext = false, false, false, false
	c.Logger = driverLog{log}
	c.Params = map[string]string{
		"time_zone":                "'+00:00'",
		"sql_mode":                 "'" + sqlMode + "'",
		"innodb_lock_wait_timeout": seconds(cmp.Or(o.LockWait, defaultLockWait)),
		"lock_wait_timeout":        seconds(metadataWait),
	}
	if err := c.Apply(driver.Charset("utf8mb4", "")); err != nil {
		return nil, fault.New(fault.Config, err)
	}
	return c, nil
}

func seconds(d time.Duration) string { return fmt.Sprint(max(1, int64(d/time.Second))) }

// target is who and where. The driver's own complaint about a DSN may quote it, with its password: it is not passed on.
func (o Options) target() (*driver.Config, error) {
	if o.DSN != "" {
		c, err := driver.ParseDSN(o.DSN)
		if err != nil {
			return nil, fault.Errorf(fault.Config,
				"database: the dsn cannot be read; it has the form user:password@tcp(127.0.0.1:3306)/ordersync")
		}
		return c, nil
	}
	c := driver.NewConfig()
	c.User, c.Passwd, c.DBName, c.Net, c.Addr = o.User, o.Password, o.Name, "tcp", o.Address
	switch {
	case strings.HasPrefix(o.Address, "/") || strings.HasPrefix(o.Address, "@"):
		c.Net = "unix"
	case o.Address == "":
		c.Addr = "127.0.0.1:3306"
	default:
		if _, _, err := net.SplitHostPort(o.Address); err != nil {
			c.Addr = net.JoinHostPort(strings.Trim(o.Address, "[]"), "3306")
		}
	}
	return c, nil
}

// encrypt verifies the server wherever somebody could stand between.
func (o Options) encrypt(c *driver.Config) error {
	asked := o.TLS
	switch c.TLSConfig {
	case "":
		if asked == nil && !local(c) {
			asked = &TLS{}
		}
	case "true":
		asked = cmp.Or(asked, &TLS{})
	case "false":
	default:
		return errors.New("the dsn may say tls=true or tls=false; a server that is not verified is as good as none: give database.tls.ca instead")
	}
	c.TLSConfig, c.TLS = "", nil
	if asked == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host = ""
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cmp.Or(asked.ServerName, host)}
	if asked.CA != "" {
		pem, err := os.ReadFile(asked.CA)
		if err != nil {
			return fmt.Errorf("tls.ca: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("tls.ca: %s holds no certificate in PEM form", asked.CA)
		}
	}
	c.TLS = settings
	return nil
}

// local reports whether the way to the server stays on this machine.
func local(c *driver.Config) bool {
	if c.Net == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// driverLog passes on what the driver would print. It is detail: every failure also comes back as an error.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("database driver", "says", fmt.Sprint(v...)) }
