// Package configs holds the commented example, its JSON schema and the presets. It is nothing but an embed.
package configs

import (
	"embed"
	"io/fs"
)

//go:embed presets ordersyncd.example.yaml
var files embed.FS

// Presets holds NAME.yaml for each preset.
func Presets() fs.FS {
	presets, err := fs.Sub(files, "presets")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return presets
}

// Example is the commented example.
func Example() string {
	text, err := files.ReadFile("ordersyncd.example.yaml")
	if err != nil {
		panic(err) // the file is embedded above
	}
	return string(text)
}
