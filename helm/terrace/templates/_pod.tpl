{{/* The one pod template. Takes {root, w}, w being an item of terrace.workloads. */}}
{{- define "terrace.pod" -}}
{{- $root := .root -}}
{{- $w := .w -}}
{{- $s := $w.settings -}}
{{- $secrets := (include "terrace.secrets" . | fromJson).items -}}
metadata:
  labels:
    {{- include "terrace.labels" (dict "root" $root "component" $w.component) | nindent 4 }}
    {{- with $s.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "terrace.config" $root | sha256sum }}
    {{- with $s.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "terrace.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int $s.terminationGracePeriodSeconds }}
  securityContext:
    {{- include "terrace.podSecurity" $root | nindent 4 }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $s.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $s.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $s.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $s.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $s.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $s.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $s.topologySpread.topologyKeys }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $s.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "terrace.selector" (dict "root" $root "component" $w.component) | nindent 10 }}
      matchLabelKeys: [{{ ternary "controller-revision-hash" "pod-template-hash" (eq (include "terrace.kind" $s) "StatefulSet") }}]
    {{- end }}
  {{- end }}
  {{- if and $w.gateway $s.modelServer.enabled }}
  initContainers:
    {{- include "terrace.modelServer" $s | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ $w.role }}
      image: {{ include "terrace.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ concat (list "serve" $w.role) (ternary (list "--backend" $w.gateway) list (ne $w.gateway "")) | toJson }}
      env:
        - {name: TERRACE_CONFIG, value: /etc/terrace/config/terrace.yaml}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: OTEL_RESOURCE_ATTRIBUTES, value: "k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(POD_NAMESPACE)"}
        {{- with $s.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - {name: {{ $w.portName }}, containerPort: {{ int $w.port }}}
        {{- if ne $w.role "edge" }}
        - {name: health, containerPort: 7700}
        {{- end }}
        - {name: metrics, containerPort: 9464}
      {{- range $probe := list "startup" "readiness" "liveness" }}
      {{ $probe }}Probe:
        {{- if ne $w.role "edge" }}
        grpc: {port: 7700}
        {{- else }}
        httpGet: {path: /healthz, port: http, scheme: {{ ternary "HTTPS" "HTTP" (ne $root.Values.edge.publicTLS.existingSecret "") }}}
        {{- end }}
        {{- toYaml (get $s.probes $probe) | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml $s.resources | nindent 8 }}
      securityContext:
        {{- include "terrace.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/terrace/config, readOnly: true}
        {{- range $secrets }}
        - {name: secret-{{ .name }}, mountPath: /etc/terrace/secrets/{{ .name }}, readOnly: true}
        {{- end }}
        {{- if $root.Values.tls.enabled }}
        - {name: tls, mountPath: /etc/terrace/tls, readOnly: true}
        {{- end }}
        {{- if and (eq $w.role "edge") $root.Values.edge.publicTLS.existingSecret }}
        - {name: edge-tls, mountPath: /etc/terrace/edge-tls, readOnly: true}
        {{- end }}
        {{- if include "terrace.persistent" $s }}
        - {name: data, mountPath: {{ ternary "/var/lib/terrace/spool" "/var/lib/terrace/learning" (eq $w.role "cost-ledger") }}}
        {{- end }}
        {{- with $s.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "terrace.fullname" $root }}-config}
    {{- range $secrets }}
    - name: secret-{{ .name }}
      secret:
        secretName: {{ .secret }}
        defaultMode: 0440
        items:
          {{- range $file, $key := .items }}
          - {key: {{ $key }}, path: {{ $file }}}
          {{- end }}
    {{- end }}
    {{- if $root.Values.tls.enabled }}
    - name: tls
      secret: {secretName: {{ include "terrace.tlsSecret" (dict "root" $root "w" $w) }}, defaultMode: 0440}
    {{- end }}
    {{- if and (eq $w.role "edge") $root.Values.edge.publicTLS.existingSecret }}
    - name: edge-tls
      secret: {secretName: {{ $root.Values.edge.publicTLS.existingSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if and $w.gateway $s.modelServer.enabled }}
    - name: models
      {{- with $s.modelServer.models.existingClaim }}
      persistentVolumeClaim: {claimName: {{ . }}}
      {{- else }}
      emptyDir: {sizeLimit: {{ $s.modelServer.models.sizeLimit }}}
      {{- end }}
    {{- end }}
    {{- with $s.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* A model server beside its gateway: a sidecar, which starts before and stops after it. */}}
{{- define "terrace.modelServer" -}}
{{- $m := .modelServer -}}
- name: model-server
  image: {{ $m.image | quote }}
  restartPolicy: Always
  {{- with $m.command }}
  command: {{ toJson . }}
  {{- end }}
  {{- with $m.args }}
  args: {{ toJson . }}
  {{- end }}
  env:
    - {name: HOME, value: {{ $m.models.mountPath }}}
    {{- with $m.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {name: models, containerPort: {{ int $m.port }}}
  {{- /* Loading a model takes minutes: the gateway starts when this has answered once. */}}
  startupProbe:
    httpGet: {path: {{ $m.readinessPath }}, port: models}
    periodSeconds: 5
    failureThreshold: {{ div (int $m.startupSeconds) 5 }}
  readinessProbe:
    httpGet: {path: {{ $m.readinessPath }}, port: models}
    periodSeconds: 5
    timeoutSeconds: 3
  resources:
    {{- toYaml $m.resources | nindent 4 }}
  securityContext:
    {{- mergeOverwrite (dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL"))) (deepCopy $m.securityContext) | toYaml | nindent 4 }}
  volumeMounts:
    - {name: models, mountPath: {{ $m.models.mountPath }}}
{{- end -}}
