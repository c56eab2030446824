{{/* What a schema cannot say: everything that is refused here names the key that is wrong. */}}
{{- define "terrace.checks" -}}
{{- $root := . -}}
{{- if not .Values.gateways -}}
{{- fail "gateways is empty: give at least one backend, as gateways.ollama" -}}
{{- end -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" (include "terrace.fullname" .)) -}}
{{- fail (printf "fullnameOverride: %q is no name of an object" (include "terrace.fullname" .)) -}}
{{- end -}}
{{- include "terrace.checkOutside" .Values -}}
{{- $workloads := (include "terrace.workloads" . | fromJson).items -}}
{{- range $w := $workloads -}}
{{- $key := ternary (printf "gateways.%s" $w.gateway) (camelcase (replace "-" "_" $w.component) | untitle) (ne $w.gateway "") -}}
{{- include "terrace.checkScaling" (dict "root" $root "w" $w "key" $key) -}}
{{- if $w.gateway }}{{ include "terrace.checkGateway" (dict "root" $root "w" $w "key" $key) }}{{ end -}}
{{- end -}}
{{- $names := list -}}
{{- range $workloads }}{{ if .gateway }}{{ $names = append $names .gateway }}{{ end }}{{ end -}}
{{- range $tier, $models := default dict .Values.config.tiers -}}
{{- range $index, $model := default list $models.models -}}
{{- if not (has (default "" $model.backend) $names) -}}
{{- fail (printf "config.tiers.%s.models[%d].backend has to be one of the gateways (%s), and is %q" $tier $index (join ", " $names) (default "" $model.backend)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "terrace.checkOutside" -}}
{{- if and (or .ingress.enabled .httpRoute.enabled) (not .edge.enabled) -}}
{{- fail "edge.enabled is false: ingress and httpRoute have nothing to lead to" -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "ingress.hosts is required where ingress.enabled is true" -}}
{{- end -}}
{{- range $route := list "httpRoute" "grpcRoute" -}}
{{- if and (get $ $route).enabled (not (get $ $route).parentRefs) -}}
{{- fail (printf "%s.parentRefs is required where %s.enabled is true" $route $route) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "terrace.checkScaling" -}}
{{- $scaling := .w.settings.autoscaling -}}
{{- if and $scaling.hpa.enabled $scaling.keda.enabled -}}
{{- fail (printf "%s.autoscaling: hpa and keda are both enabled, and only one can scale a workload" .key) -}}
{{- end -}}
{{- range $kind := list "hpa" "keda" -}}
{{- $limits := get $scaling $kind -}}
{{- if and $limits.enabled (gt (int $limits.minReplicas) (int $limits.maxReplicas)) -}}
{{- fail (printf "%s.autoscaling.%s.minReplicas is %d, more than maxReplicas (%d)" $.key $kind (int $limits.minReplicas) (int $limits.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $scaling.hpa.enabled (not $scaling.hpa.targetCPU) (not $scaling.hpa.targetMemory) -}}
{{- fail (printf "%s.autoscaling.hpa.targetCPU and targetMemory are both 0: there is nothing to scale on" .key) -}}
{{- end -}}
{{- if and $scaling.keda.enabled (not $scaling.keda.triggers) -}}
{{- if not .w.gateway -}}
{{- fail (printf "%s.autoscaling.keda.triggers is required: only gateways have a demand of their own" .key) -}}
{{- end -}}
{{- $_ := required (printf "keda.prometheusAddress is required where %s.autoscaling.keda is enabled" .key) .root.Values.keda.prometheusAddress -}}
{{- end -}}
{{- if and (eq .w.role "classifier") (include "terrace.persistent" .w.settings) (or (include "terrace.autoscaled" .w.settings) (gt (int .w.settings.replicas) 1)) -}}
{{- fail "classifier.persistence: what is learned belongs to one classifier, so replicas has to be 1 and autoscaling off" -}}
{{- end -}}
{{- end -}}

{{- define "terrace.checkGateway" -}}
{{- $w := .w -}}
{{- if gt (len $w.gateway) 20 -}}
{{- fail (printf "%s: a gateway's name has at most 20 characters" .key) -}}
{{- end -}}
{{- if and $w.settings.modelServer.enabled (not $w.settings.modelServer.image) -}}
{{- fail (printf "%s.modelServer.image is required where modelServer.enabled is true" .key) -}}
{{- end -}}
{{- range $index, $model := $w.settings.moreApiKeys -}}
{{- $_ := required (printf "%s.moreApiKeys[%d].existingSecret is required" $.key $index) $model.existingSecret -}}
{{- end -}}
{{- $used := false -}}
{{- range $w.settings.tiers }}{{ if . }}{{ $used = true }}{{ end }}{{ end -}}
{{- range default dict .root.Values.config.tiers -}}
{{- range default list .models }}{{ if eq (default "" .backend) $w.gateway }}{{ $used = true }}{{ end }}{{ end -}}
{{- end -}}
{{- if not $used -}}
{{- fail (printf "%s.tiers is empty: no tier has a model of this backend" .key) -}}
{{- end -}}
{{- end -}}
