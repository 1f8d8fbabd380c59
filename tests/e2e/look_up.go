// SPDX-License-Identifier: Apache-2.0
// A lookup by Go's own resolver: the outcome, then the addresses. As look_up.c.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

func main() {
	found, err := (&net.Resolver{PreferGo: true}).LookupHost(context.Background(), os.Args[1])
	if err != nil {
		if named, ok := err.(*net.DNSError); ok && named.IsNotFound {
			fmt.Println("no such name")
		} else {
			fmt.Println(err)
		}
		return
	}
	fmt.Println("answered")
	for _, address := range found {
		fmt.Println(address)
	}
}
