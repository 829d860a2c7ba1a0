package mysql

import (
	"context"
	"database/sql/driver"
)

// tooManyPrepared is what a server says that keeps no more prepared statements.
const tooManyPrepared = 1461

// session is a connection that keeps the statements ready which look up and store whole pages. The server then need not read the
// same text of thousands of values with every page, which costs it more than storing them. All else goes to the driver as it comes: a statement
// that is asked for once is cheaper in one piece.
type session struct {
	driverConn
	// often tells which texts are worth it.
	often func(query string) bool
	ready map[string]driver.Stmt
	// full: the server keeps no more of them.
	full bool
}

// driverConn is all that the driver's connections can do: a wrapper that hid one of these would be a slower or a wrong connection.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// ExecContext executes a statement, by one that is ready if the text is one of those. Statements last as long as the connection; one
// that fails, for whatever reason, is prepared anew when it is tried again.
func (s *session) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return s.driverConn.ExecContext(ctx, query, args)
	}
	result, err := statement.(driver.StmtExecContext).ExecContext(ctx, args)
	s.forget(query, statement, err)
	return result, err
}

// QueryContext does the same for a statement that answers with rows.
func (s *session) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if statement == nil {
		return s.driverConn.QueryContext(ctx, query, args)
	}
	rows, err := statement.(driver.StmtQueryContext).QueryContext(ctx, args)
	s.forget(query, statement, err)
	return rows, err
}

// statement is the one that is ready for a text, made ready now if need be; none where the text is not worth it.
func (s *session) statement(ctx context.Context, query string) (driver.Stmt, error) {
	if s.full || !s.often(query) {
		return nil, nil
	}
	if statement, ok := s.ready[query]; ok {
		return statement, nil
	}
	statement, err := s.PrepareContext(ctx, query)
	if numberOf(err) == tooManyPrepared {
		s.full = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.ready[query] = statement
	return statement, nil
}

// forget drops a statement that failed.
func (s *session) forget(query string, statement driver.Stmt, err error) {
	if err != nil {
		delete(s.ready, query)
		_ = statement.Close()
	}
}
