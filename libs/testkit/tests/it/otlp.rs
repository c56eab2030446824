//! The collector as an exporter sees it.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use terrace_testkit::Collector;

fn exported(service: &str, name: &str, ids: (u8, u8)) -> ResourceSpans {
    let (id, parent) = ids;
    let value = any_value::Value::StringValue(service.to_owned());
    let resource = Resource {
        attributes: vec![KeyValue {
            key: "service.name".into(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }],
        ..Resource::default()
    };
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { vec![] } else { vec![parent; 8] },
        name: name.to_owned(),
        ..Span::default()
    };
    ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

#[tokio::test]
async fn exported_spans_form_a_tree_across_services() {
    let collector = Collector::start();
    let channel = tonic::transport::Endpoint::new(collector.endpoint()).unwrap();
    let mut client = TraceServiceClient::new(channel.connect().await.unwrap());
    let resource_spans = vec![
        exported("gateway", "generate", (2, 1)),
        exported("orchestrator", "route", (1, 0)),
    ];
    let request = ExportTraceServiceRequest { resource_spans };
    client.export(request).await.unwrap();
    let spans = collector
        .wait_for(|spans| spans.len() == 2, Duration::from_secs(5))
        .await;
    let tree = collector.tree(&spans[0].trace_id);
    assert_eq!(tree, "orchestrator: route\n  gateway: generate\n");
}

#[tokio::test]
async fn a_wait_that_is_not_satisfied_ends() {
    let collector = Collector::start();
    let spans = collector
        .wait_for(|spans| !spans.is_empty(), Duration::from_millis(20))
        .await;
    assert_eq!(spans, []);
}
