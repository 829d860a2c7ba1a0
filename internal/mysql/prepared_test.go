package mysql_test

import (
	"fmt"
	"testing"

	"ordersync/internal/mariadb"
	"ordersync/internal/order"
)

// TestManyRows: what goes through the statements that are kept ready, in pieces and with a rest, is stored as it came, and is changed
// as it comes again; also by a server that keeps none ready.
func TestManyRows(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *world{
		"statements are kept ready": func(t *testing.T) *world { return newWorld(t) },
		"the server keeps none": func(t *testing.T) *world {
			_, w := private(t, mariadb.Options{Relaxed: true, Args: []string{"--max-prepared-stmt-count=0"}})
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			for pass, want := range []order.Written{{Inserted: 137}, {Updated: 137}} {
				orders := make([]*order.Order, 137)
				records := make([]order.Record, len(orders))
				for i := range orders {
					orders[i] = whole(fmt.Sprint(i), i+pass, 500+pass)
					records[i] = record(orders[i])
				}
				if got := w.commit(pass, records...); got != want {
					t.Errorf("pass %d: %+v, want %+v", pass+1, got, want)
				}
				for _, o := range orders {
					w.holds(o)
				}
			}
		})
	}
}
