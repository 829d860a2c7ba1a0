package mysql

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"ordersync/internal/fault"
	"ordersync/migrations"
)

// withSteps is the migrations as a later program has them.
func withSteps(t *testing.T, more map[string]string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	entries, err := fs.ReadDir(migrations.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := fs.ReadFile(migrations.Files, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: content}
	}
	for name, content := range more {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return files
}

const addColumn = "\n-- +goose Up\nALTER TABLE audit_log ADD COLUMN more TEXT NULL;\n"

// MigrationsAreSound is run by a test of the package outside, which has a database to offer.
func MigrationsAreSound(t *testing.T, db *DB) {
	ctx := t.Context()
	schemaError := func(err error, have, want int64, remedy string) {
		t.Helper()
		e, ok := errors.AsType[*SchemaError](err)
		if !ok || e.Have != have || e.Want != want || fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), remedy) {
			t.Errorf("got %v (kind %v), want a schema error of %d for %d that says %q", err, fault.KindOf(err), have, want, remedy)
		}
	}
	newest := SchemaVersion()
	schemaError(db.SchemaOK(ctx), 0, newest, "ordersyncd migrate up")
	steps, err := db.Migrations(ctx)
	if err != nil || int64(len(steps)) != newest || !steps[0].AppliedAt.IsZero() {
		t.Errorf("before: %+v, %v", steps, err)
	}

	// Several at once: all succeed, each step is done once.
	var mu sync.Mutex
	var done []int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			err := db.Migrate(ctx, func(s Step) {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, s.Version)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, version := range done {
		if version != int64(i)+1 {
			t.Fatalf("steps were done as %v", done)
		}
	}
	if err := db.SchemaOK(ctx); err != nil || int64(len(done)) != newest {
		t.Errorf("after %d steps: %v", len(done), err)
	}
	if err := db.Migrate(ctx, func(s Step) { t.Errorf("step %v was done again", s) }); err != nil {
		t.Error(err)
	}
	if steps, err = db.Migrations(ctx); err != nil || int64(len(steps)) != newest || steps[0].AppliedAt.IsZero() || steps[0].Name != "schema_versions" {
		t.Errorf("after: %+v, %v", steps, err)
	}

	// A later program that adds two steps: this one may run on the first, not on the second.
	own := fmt.Sprintf("-- oldest: %d", newest)
	more, evenmore, wrong := fmt.Sprintf("%04d_more.sql", newest+1), fmt.Sprintf("%04d_evenmore.sql", newest+2), fmt.Sprintf("%04d_broken.sql", newest+3)
	first := withSteps(t, map[string]string{more: own + addColumn})
	schemaError(db.schemaOK(ctx, first), newest, newest+1, "ordersyncd migrate up")
	if err := db.migrate(ctx, first, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.SchemaOK(ctx); err != nil {
		t.Errorf("on a newer schema that allows it: %v", err)
	}
	if err := db.Migrate(ctx, func(s Step) { t.Errorf("step %v was done", s) }); err != nil {
		t.Errorf("an older program migrates: %v", err)
	}
	if steps, err = db.Migrations(ctx); err != nil || int64(len(steps)) != newest+1 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
	second := withSteps(t, map[string]string{
		more: own + addColumn, evenmore: fmt.Sprintf("-- oldest: %d", newest+1) + strings.Replace(addColumn, "more", "evenmore", 1),
	})
	if err := db.migrate(ctx, second, nil); err != nil {
		t.Fatal(err)
	}
	schemaError(db.SchemaOK(ctx), newest+2, newest, "install the newer ordersyncd")
	if err := db.schemaOK(ctx, first); err != nil {
		t.Errorf("the program in between: %v", err)
	}

	// A program that was killed before it could say who may run on its step.
	if _, err := db.pool.ExecContext(ctx, "DELETE FROM schema_versions WHERE version > ?", newest); err != nil {
		t.Fatal(err)
	}
	schemaError(db.SchemaOK(ctx), newest+2, newest, "install the newer ordersyncd")

	// A step that fails names itself and can be repeated.
	broken := withSteps(t, map[string]string{
		more: own + addColumn, evenmore: own + addColumn, wrong: own + "\n-- +goose Up\nALTER TABLE nowhere ADD COLUMN x INT;\n",
	})
	if err := db.migrate(ctx, broken, nil); err == nil || !strings.Contains(err.Error(), wrong) || fault.KindOf(err) != fault.Database {
		t.Errorf("a step that fails: %v", err)
	}
}

// TestMigrationFiles shows what a migration's file must be.
func TestMigrationFiles(t *testing.T) {
	t.Parallel()
	steps, err := ownSteps(migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range steps {
		if s.Version != int64(i)+1 || s.Oldest < 1 || s.Oldest > s.Version {
			t.Errorf("step %d: %+v", i+1, s)
		}
	}
	if SchemaVersion() != int64(len(steps)) || len(steps) < 13 {
		t.Errorf("SchemaVersion is %d of %d", SchemaVersion(), len(steps))
	}
	for name, content := range map[string]string{"more.sql": "-- oldest: 1\n", "0099_more.sql": "-- +goose Up\n"} {
		if _, err := ownSteps(fstest.MapFS{name: &fstest.MapFile{Data: []byte(content)}}); err == nil {
			t.Errorf("a migration %s that says %q is accepted", name, content)
		}
	}
}
