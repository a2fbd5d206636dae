// Uploads a file of JSON lines with the official Go SDK, the way its README does it.
//
// Arguments: goroutines, host:port, file. Built by hand, with the SDK's sources in the module or in
// GOPATH: go build -o go_sdk go_sdk.go
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/volcengine/volcengine-sdk-go-rec/byteair"
	"github.com/volcengine/volcengine-sdk-go-rec/core/option"
)

const batchRows = 10000

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	goroutines, err := strconv.Atoi(os.Args[1])
	must(err)
	client, err := (&byteair.ClientBuilder{}).
		TenantId("2100021").ApplicationId("20013144").Schema("http").
		Hosts([]string{os.Args[2]}).
		AK("AKBENCHMARK000000001").SK("benchmark-secret-key").Build()
	must(err)
	day := time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	batches := make(chan []map[string]interface{})
	var workers sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for rows := range batches {
				response, err := client.WriteData(rows, "item", option.WithStage("history_sync"),
					option.WithDataDate(day), option.WithTimeout(time.Minute))
				must(err)
				if response.GetStatus().GetCode() != 0 {
					panic(response.String())
				}
			}
		}()
	}
	read(os.Args[3], batches)
	workers.Wait()
	response, err := client.Done([]time.Time{day}, "item", option.WithStage("history_sync"),
		option.WithTimeout(time.Minute))
	must(err)
	if response.GetStatus().GetCode() != 0 {
		panic(response.String())
	}
}

func read(path string, batches chan<- []map[string]interface{}) {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	var batch []map[string]interface{}
	for lines.Scan() {
		row := map[string]interface{}{}
		must(json.Unmarshal(lines.Bytes(), &row))
		batch = append(batch, row)
		if len(batch) == batchRows {
			batches <- batch
			batch = nil
		}
	}
	must(lines.Err())
	if len(batch) > 0 {
		batches <- batch
	}
	close(batches)
}
