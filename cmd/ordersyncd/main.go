// Command ordersyncd copies the orders of remote shops into MySQL, on schedules, completely.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Fprintln(os.Stdout, thisBuild(0))
		return
	}
	fmt.Fprintln(os.Stderr, "usage: ordersyncd version")
	os.Exit(2)
}
