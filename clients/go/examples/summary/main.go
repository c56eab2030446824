// Command summary prints what was spent and saved today.
package main

import (
	"context"
	"fmt"
	"log"

	"terrace/client"
	ledgerv1 "terrace/client/pb/ledger/v1"
)

func main() {
	client, err := terrace.New(terrace.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	summary, err := client.Ledger.GetSummary(context.Background(), &ledgerv1.GetSummaryRequest{})
	if err != nil {
		log.Fatal(terrace.FailureOf(err).Message)
	}
	for _, tier := range summary.GetTiers() {
		fmt.Printf("%s: %d attempts, %d answers, $%s\n",
			tier.GetTier(), tier.GetAttempts(), tier.GetAnswered(), terrace.USD(tier.GetCostNanoUsd()))
	}
	fmt.Printf("%d requests for $%s, saved $%s\n",
		summary.GetRequests(), terrace.USD(summary.GetCostNanoUsd()), terrace.USD(summary.GetSavingsNanoUsd()))
}
