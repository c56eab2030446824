{{/* Names, labels and the list of workloads that every other template goes through. */}}

{{/* At most 23 characters, so that with a gateway's name names stay within 52 and suffixes fit. */}}
{{- define "terrace.fullname" -}}
{{- $chart := default "terrace" .Values.nameOverride -}}
{{- $name := .Release.Name -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if not (contains $chart .Release.Name) -}}
{{- $name = printf "%s-%s" .Release.Name $chart -}}
{{- end -}}
{{- if gt (len $name) 23 -}}
{{- printf "%s-%s" (trunc 18 $name | trimSuffix "-") (sha256sum $name | trunc 4) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* Labels of everything. Takes {root, component}. */}}
{{- define "terrace.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | quote }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: terrace
{{ include "terrace.selector" . }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What tells the pods of a component from all others. Takes {root, component}. */}}
{{- define "terrace.selector" -}}
app.kubernetes.io/name: terrace
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "terrace.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "terrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "terrace.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/*
Every workload as JSON {items: [{component, role, name, port, portName, gateway, settings}]}: the
fixed parts, then the gateways in the order of their names. `settings` is a section of the values laid
over `defaults`; mergeOverwrite keeps zeros and false, which merge would drop.
*/}}
{{- define "terrace.workloads" -}}
{{- $root := . -}}
{{- $full := include "terrace.fullname" . -}}
{{- $items := list -}}
{{- $fixed := list
      (list "orchestrator" "orchestrator" 7600)
      (list "classifier" "classifier" 7601)
      (list "quality-judge" "qualityJudge" 7602)
      (list "cost-ledger" "costLedger" 7603)
      (list "edge" "edge" 7680) -}}
{{- range $fixed -}}
{{- $component := index . 0 -}}
{{- $settings := mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (index $root.Values (index . 1))) -}}
{{- if or (ne $component "edge") $settings.enabled -}}
{{- $portName := ternary "http" "grpc" (eq $component "edge") -}}
{{- $items = append $items (dict "component" $component "role" $component "name" (printf "%s-%s" $full $component)
      "port" (index . 2) "portName" $portName "gateway" "" "settings" $settings) -}}
{{- end -}}
{{- end -}}
{{- range $name, $gateway := $root.Values.gateways -}}
{{- $settings := mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy $root.Values.gatewayDefaults) (deepCopy $gateway) -}}
{{- if $settings.enabled -}}
{{- $component := printf "gateway-%s" $name -}}
{{- $items = append $items (dict "component" $component "role" "tier-gateway" "name" (printf "%s-%s" $full $component)
      "port" 7610 "portName" "grpc" "gateway" $name "settings" $settings) -}}
{{- end -}}
{{- end -}}
{{- dict "items" $items | toJson -}}
{{- end -}}

{{/* Whether a workload is scaled by somebody else. */}}
{{- define "terrace.autoscaled" -}}
{{- if or .autoscaling.hpa.enabled .autoscaling.keda.enabled }}true{{ end -}}
{{- end -}}

{{/* Whether a workload keeps something on a disk of its own. */}}
{{- define "terrace.persistent" -}}
{{- if (default dict .persistence).enabled }}true{{ end -}}
{{- end -}}

{{- define "terrace.kind" -}}
{{- if include "terrace.persistent" . }}StatefulSet{{ else }}Deployment{{ end -}}
{{- end -}}

{{/* Whether any container of a gateway's pod asks for a GPU. */}}
{{- define "terrace.wantsGpu" -}}
{{- $resources := list .resources -}}
{{- with .modelServer }}{{ if .enabled }}{{ $resources = append $resources .resources }}{{ end }}{{ end -}}
{{- range $resources -}}
{{- range $name, $_ := merge (dict) (default dict .requests) (default dict .limits) -}}
{{- if contains "gpu" $name }}true{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The certificate of a workload: the Secret that cert-manager fills, or one that exists. */}}
{{- define "terrace.tlsSecret" -}}
{{- if .root.Values.tls.certManager.enabled -}}
{{- printf "%s-tls" .w.name -}}
{{- else -}}
{{- required (printf "tls.certManager is off: %s needs tls.existingSecret, with ca.crt, tls.crt and tls.key" .w.component) .w.settings.tls.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "terrace.scheme" -}}
{{- if .Values.tls.enabled }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* Security of pods and containers, as Pod Security `restricted` asks for. */}}
{{- define "terrace.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "terrace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The names of all tiers that have a model. */}}
{{- define "terrace.tiers" -}}
{{- $tiers := dict -}}
{{- $config := include "terrace.config" . | fromYaml -}}
{{- range $tier, $models := default dict $config.tiers -}}
{{- if $models.models }}{{ $_ := set $tiers $tier true }}{{ end -}}
{{- end -}}
{{- keys $tiers | sortAlpha | toJson -}}
{{- end -}}
