{{/*
Terrace's own config: `config` of the values, and over it what the chart knows (who listens where,
which backend has which models, in which files the secrets are).
*/}}
{{- define "terrace.config" -}}
{{- $root := . -}}
{{- $config := deepCopy .Values.config -}}
{{- $workloads := (include "terrace.workloads" . | fromJson).items -}}
{{- $services := dict -}}
{{- $backends := dict -}}
{{- $tiers := default dict $config.tiers -}}
{{- range $w := $workloads -}}
{{- $place := dict
      "listen" (include "terrace.listen" (dict "root" $root "port" $w.port))
      "url" (printf "%s://%s:%d" (include "terrace.scheme" $root) $w.name (int $w.port))
      "health_listen" (include "terrace.listen" (dict "root" $root "port" 7700))
      "metrics_listen" (include "terrace.listen" (dict "root" $root "port" 9464)) -}}
{{- if $w.gateway -}}
{{- $_ := set $backends $w.gateway (include "terrace.backend" (dict "w" $w "place" $place) | fromYaml) -}}
{{- range $tier, $models := $w.settings.tiers -}}
{{- $known := default list (default dict (get $tiers $tier)).models -}}
{{- range $models }}{{ $known = append $known (mergeOverwrite (deepCopy .) (dict "backend" $w.gateway)) }}{{ end -}}
{{- $_ := set $tiers $tier (dict "models" $known) -}}
{{- end -}}
{{- else if eq $w.component "edge" -}}
{{- $_ := set $config "edge" (include "terrace.edgeConfig" (dict "root" $root "place" $place) | fromYaml) -}}
{{- else -}}
{{- $_ := set $services (replace "-" "_" $w.component) $place -}}
{{- end -}}
{{- end -}}
{{- $_ := set $config "services" $services -}}
{{- $_ := set $config "backends" $backends -}}
{{- $_ := set $config "tiers" $tiers -}}
{{- $_ := set $config "auth" (include "terrace.authConfig" . | fromYaml) -}}
{{- $_ := set $config "tls" (include "terrace.tlsConfig" . | fromYaml) -}}
{{- include "terrace.secretFiles" (dict "root" $root "config" $config) -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "terrace.listen" -}}
{{- $address := .root.Values.listenAddress -}}
{{- if contains ":" $address }}{{ $address = printf "[%s]" $address }}{{ end -}}
{{- printf "%s:%d" $address (int .port) -}}
{{- end -}}

{{- define "terrace.backend" -}}
{{- $settings := .w.settings -}}
{{- $backend := deepCopy $settings.backend -}}
{{- if and $settings.modelServer.enabled (not $backend.url) -}}
{{- $path := ternary "/v1" "" (eq (default "ollama" $backend.kind) "openai") -}}
{{- $_ := set $backend "url" (printf "http://127.0.0.1:%d%s" (int $settings.modelServer.port) $path) -}}
{{- end -}}
{{- if $settings.modelServer.enabled }}{{ $_ := set $backend "kind" (default "ollama" $backend.kind) }}{{ end -}}
{{- if $settings.apiKey.existingSecret -}}
{{- $_ := set $backend "api_key_file" "/etc/terrace/secrets/api-key/key" -}}
{{- end -}}
{{- $more := list -}}
{{- range $index, $_ := $settings.moreApiKeys -}}
{{- $more = append $more (dict "file" (printf "/etc/terrace/secrets/api-key-%d/key" $index)) -}}
{{- end -}}
{{- if $more }}{{ $_ := set $backend "more_api_keys" $more }}{{ end -}}
{{- $_ := set $backend "gateway" .place -}}
{{- toYaml $backend -}}
{{- end -}}

{{- define "terrace.edgeConfig" -}}
{{- $edge := deepCopy (default dict .root.Values.config.edge) -}}
{{- $_ := set $edge "listen" .place.listen -}}
{{- $_ := set $edge "metrics_listen" .place.metrics_listen -}}
{{- if .root.Values.edge.publicTLS.existingSecret -}}
{{- $_ := set $edge "cert_file" "/etc/terrace/edge-tls/tls.crt" -}}
{{- $_ := set $edge "key_file" "/etc/terrace/edge-tls/tls.key" -}}
{{- else -}}
{{- $_ := set $edge "allow_plaintext" true -}}
{{- end -}}
{{- if .root.Values.sessions.existingSecret -}}
{{- $dashboard := default dict $edge.dashboard -}}
{{- $_ := set $dashboard "session_secret_file" "/etc/terrace/secrets/sessions/secret" -}}
{{- $_ := set $edge "dashboard" $dashboard -}}
{{- end -}}
{{- toYaml $edge -}}
{{- end -}}

{{- define "terrace.authConfig" -}}
{{- $auth := .Values.auth -}}
required: {{ $auth.required }}
{{- if $auth.existingSecret }}
pepper_file: /etc/terrace/secrets/auth/pepper
{{- if $auth.rootKeyKey }}
root_key_file: /etc/terrace/secrets/auth/root-key
{{- end }}
{{- else if $auth.required }}
{{- fail "auth.existingSecret is required where auth.required is true: the Secret with the pepper that keys are stored with" }}
{{- end }}
{{- end -}}

{{- define "terrace.tlsConfig" -}}
{{- $full := include "terrace.fullname" . -}}
{{- if .Values.tls.enabled -}}
ca_file: /etc/terrace/tls/ca.crt
cert_file: /etc/terrace/tls/tls.crt
key_file: /etc/terrace/tls/tls.key
{{- /* With the namespace: another release under the same CA is somebody else. */}}
{{- $orchestrator := printf "%s-orchestrator.%s.svc" $full .Release.Namespace }}
{{- $judge := printf "%s-quality-judge.%s.svc" $full .Release.Namespace }}
{{- $edge := printf "%s-edge.%s.svc" $full .Release.Namespace }}
{{- $test := printf "%s-test.%s.svc" $full .Release.Namespace }}
allowed_callers:
  orchestrator: {{ concat (list $edge $test) .Values.tls.orchestratorCallers | toJson }}
  classifier: {{ list $orchestrator | toJson }}
  quality_judge: {{ list $orchestrator | toJson }}
  cost_ledger: {{ list $orchestrator $edge | toJson }}
  tier_gateway: {{ list $orchestrator $judge | toJson }}
client_certificates: {orchestrator: {{ .Values.tls.clientCertificates }}}
{{- else -}}
allow_plaintext: true
{{- end -}}
{{- end -}}

{{/* Writes into `config` in which files the secrets of the ledger and of the cache are. */}}
{{- define "terrace.secretFiles" -}}
{{- $values := .root.Values -}}
{{- $ledger := default dict .config.ledger -}}
{{- $_ := set $ledger "database_url_file" "/etc/terrace/secrets/database/url" -}}
{{- if $values.costLedger.persistence.enabled -}}
{{- $spool := default dict $ledger.spool -}}
{{- $_ := set $spool "folder" "/var/lib/terrace/spool" -}}
{{- $_ := set $ledger "spool" $spool -}}
{{- end -}}
{{- $_ := set .config "ledger" $ledger -}}
{{- $routing := default dict .config.routing -}}
{{- if $values.cacheStore.existingSecret -}}
{{- $store := default dict $routing.cache_store -}}
{{- $_ := set $store "url_file" "/etc/terrace/secrets/cache-store/url" -}}
{{- $_ := set $routing "cache_store" $store -}}
{{- end -}}
{{- if $values.classifier.persistence.enabled -}}
{{- $learning := default dict $routing.learning -}}
{{- $_ := set $learning "folder" "/var/lib/terrace/learning" -}}
{{- $_ := set $routing "learning" $learning -}}
{{- end -}}
{{- if $routing }}{{ $_ := set .config "routing" $routing }}{{ end -}}
{{- if $values.alertWebhook.existingSecret -}}
{{- $money := default dict .config.cost_control -}}
{{- $webhook := default dict $money.alert_webhook -}}
{{- $_ := set $webhook "url_file" "/etc/terrace/secrets/alert-webhook/url" -}}
{{- if $values.alertWebhook.secretKey -}}
{{- $_ := set $webhook "secret_file" "/etc/terrace/secrets/alert-webhook/secret" -}}
{{- end -}}
{{- $_ := set $money "alert_webhook" $webhook -}}
{{- $_ := set .config "cost_control" $money -}}
{{- end -}}
{{- end -}}

{{/* The secrets that a workload is given, as JSON {items: [{name, secret, items}]}. Takes {root, w}. */}}
{{- define "terrace.secrets" -}}
{{- $values := .root.Values -}}
{{- $settings := .w.settings -}}
{{- $all := list -}}
{{- if eq .w.role "cost-ledger" -}}
{{- $secret := required "database.existingSecret is required: the Secret with the URL of PostgreSQL" $values.database.existingSecret -}}
{{- $all = append $all (dict "name" "database" "secret" $secret "items" (dict "url" $values.database.key)) -}}
{{- if $values.auth.existingSecret -}}
{{- $items := dict "pepper" $values.auth.pepperKey -}}
{{- if $values.auth.rootKeyKey }}{{ $_ := set $items "root-key" $values.auth.rootKeyKey }}{{ end -}}
{{- $all = append $all (dict "name" "auth" "secret" $values.auth.existingSecret "items" $items) -}}
{{- end -}}
{{- if $values.alertWebhook.existingSecret -}}
{{- $items := dict "url" $values.alertWebhook.urlKey -}}
{{- if $values.alertWebhook.secretKey }}{{ $_ := set $items "secret" $values.alertWebhook.secretKey }}{{ end -}}
{{- $all = append $all (dict "name" "alert-webhook" "secret" $values.alertWebhook.existingSecret "items" $items) -}}
{{- end -}}
{{- else if eq .w.role "orchestrator" -}}
{{- if $values.cacheStore.existingSecret -}}
{{- $all = append $all (dict "name" "cache-store" "secret" $values.cacheStore.existingSecret "items" (dict "url" $values.cacheStore.key)) -}}
{{- end -}}
{{- else if eq .w.role "edge" -}}
{{- if $values.sessions.existingSecret -}}
{{- $all = append $all (dict "name" "sessions" "secret" $values.sessions.existingSecret "items" (dict "secret" $values.sessions.key)) -}}
{{- end -}}
{{- else if .w.gateway -}}
{{- if $settings.apiKey.existingSecret -}}
{{- $all = append $all (dict "name" "api-key" "secret" $settings.apiKey.existingSecret "items" (dict "key" $settings.apiKey.key)) -}}
{{- end -}}
{{- range $index, $key := $settings.moreApiKeys -}}
{{- $all = append $all (dict "name" (printf "api-key-%d" $index) "secret" $key.existingSecret "items" (dict "key" $key.key)) -}}
{{- end -}}
{{- end -}}
{{- dict "items" $all | toJson -}}
{{- end -}}
