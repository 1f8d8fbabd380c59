// SPDX-License-Identifier: Apache-2.0

// A program with TDengine's Go connector: load rest|ws default|set. A query each half second over the pool of database/sql; a line
// for each: when it began and ended (ms since 1970), then `ok` or what went wrong.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	_ "github.com/taosdata/driver-go/v3/taosRestful"
	_ "github.com/taosdata/driver-go/v3/taosWS"
)

const period = 500 * time.Millisecond

func query(db *sql.DB, limit time.Duration) error {
	ctx, cancel := context.Background(), func() {}
	if limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	var one int64
	if err := db.QueryRowContext(ctx, "select 1").Scan(&one); err != nil {
		return err
	}
	if one != 1 {
		return fmt.Errorf("another answer")
	}
	return nil
}

func main() {
	kind, set := os.Args[1], os.Args[2] == "set"
	host, token := os.Getenv("LOAD_HOST"), os.Getenv("LOAD_TOKEN")
	driver, dsn, limit := "taosRestful", fmt.Sprintf("https(%s:443)/?token=%s", host, token), time.Duration(0)
	if kind == "ws" {
		driver, dsn = "taosWS", fmt.Sprintf("wss(%s:443)/?token=%s", host, token)
		if set {
			dsn += "&readTimeout=5s&writeTimeout=5s"
		}
	} else if set {
		limit = 5 * time.Second
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		panic(err)
	}
	for {
		began := time.Now()
		result := "ok"
		if err := query(db, limit); err != nil {
			result = strings.ReplaceAll(fmt.Sprint(err), "\n", " ")
		}
		ended := time.Now()
		fmt.Println(began.UnixMilli(), ended.UnixMilli(), result)
		time.Sleep(period - ended.Sub(began))
	}
}
