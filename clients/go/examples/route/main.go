// Command route asks one question and prints the answer with its account.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"terrace/client"
)

func main() {
	client, err := terrace.New(terrace.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request := terrace.Ask("Name the capital of France.")
	request.Action = "research"
	answer, err := client.Router.Route(ctx, request)
	if err != nil {
		failure := terrace.FailureOf(err)
		log.Fatalf("%s: %s", failure.Reason, failure.Message)
	}
	fmt.Println(terrace.Text(answer.GetOutput()))
	fmt.Printf("%s on %s for $%s\n", answer.GetDecision().GetModel(), answer.GetDecision().GetTier(),
		terrace.USD(answer.GetCostNanoUsd()))
}
