package terrace

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	routerv1 "terrace/client/pb/router/v1"
)

// Failure is what Terrace says when it cannot: docs/ERRORS.md tells what each reason means.
type Failure struct {
	// Reason from the closed set, as BUDGET_EXHAUSTED; empty when the error did not come from Terrace, as
	// of a connection that broke.
	Reason string
	// Message says what happened and what to do next.
	Message string
	// Code of gRPC.
	Code codes.Code
	// RetryAfter says when to come back; zero when Terrace does not say.
	RetryAfter time.Duration
	// Fields that are wrong, and what is wrong with each.
	Fields map[string]string
	// Quotas that said no, and why.
	Quotas map[string]string
	// Trail has the attempts made and what they cost; nil when there is none.
	Trail *routerv1.RouteFailure
}

// FailureOf reads the error of a call.
func FailureOf(err error) Failure {
	got := status.Convert(err)
	failure := Failure{Message: got.Message(), Code: got.Code(), Fields: map[string]string{}, Quotas: map[string]string{}}
	for _, detail := range got.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == "terrace" {
				failure.Reason = detail.GetReason()
			}
		case *errdetails.RetryInfo:
			failure.RetryAfter = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			for _, wrong := range detail.GetFieldViolations() {
				failure.Fields[wrong.GetField()] = wrong.GetDescription()
			}
		case *errdetails.QuotaFailure:
			for _, broken := range detail.GetViolations() {
				failure.Quotas[broken.GetSubject()] = broken.GetDescription()
			}
		case *routerv1.RouteFailure:
			failure.Trail = detail
		}
	}
	return failure
}
