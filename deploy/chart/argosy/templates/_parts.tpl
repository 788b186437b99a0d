{{/* Names and labels. A component is worker, serve or init. */}}
{{- define "argosy.name" -}}
{{ printf "%s-argosy" .Release.Name | replace "argosy-argosy" "argosy" | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "argosy.selector" -}}
app.kubernetes.io/name: argosy
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "argosy.labels" -}}
{{ include "argosy.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "argosy.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* What every pod has: no rights, no root, nothing to write to but /tmp. */}}
{{- define "argosy.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "argosy.container" -}}
image: {{ include "argosy.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "argosy.environment" -}}
- {name: TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }}}
- {name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }}}
{{- with .Values.temporal.apiKey }}
{{- if .existingSecret }}
- name: TEMPORAL_API_KEY
  valueFrom: {secretKeyRef: {name: {{ .existingSecret | quote }}, key: {{ .key | quote }}}}
{{- end }}
{{- end }}
{{- with .Values.temporal.tls }}
{{- if .enabled }}
- {name: TEMPORAL_TLS, value: "true"}
{{- if .serverName }}
- {name: TEMPORAL_TLS_SERVER_NAME, value: {{ .serverName | quote }}}
{{- end }}
{{- if .ca.existingSecret }}
- {name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: {{ printf "/temporal-ca/%s" .ca.key | quote }}}
{{- end }}
{{- if .client.existingSecret }}
- {name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /temporal-client/tls.crt}
- {name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /temporal-client/tls.key}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.encryption }}
{{- if .asVariable }}
- name: ARGOSY_ENCRYPTION_KEY_RING
  valueFrom: {secretKeyRef: {name: {{ .existingSecret | quote }}, key: {{ .key | quote }}}}
{{- else }}
- {name: ARGOSY_ENCRYPTION_KEYS, value: {{ printf "/encryption/%s" .key | quote }}}
{{- end }}
{{- end }}
- {name: ARGOSY_REQUIRE_ENCRYPTION, value: "true"}
- {name: ARGOSY_LOG_FORMAT, value: {{ .Values.logFormat | quote }}}
{{- with .Values.tracing.endpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "argosy.metricsEnvironment" -}}
{{- if .Values.metrics.enabled -}}
- {name: ARGOSY_METRICS_LISTEN, value: "0.0.0.0:{{ .Values.metrics.port }}"}
{{- end }}
{{- end }}

{{- define "argosy.metricsPort" -}}
{{- if .Values.metrics.enabled -}}
- {name: metrics, containerPort: {{ .Values.metrics.port }}}
{{- end }}
{{- end }}

{{/* By which a Prometheus that looks for annotations finds a pod. */}}
{{- define "argosy.metricsAnnotations" -}}
{{- with .Values.metrics }}
{{- if and .enabled .podAnnotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
{{- end }}

{{/* Who may come in to read metrics: an entry of a NetworkPolicy's `ingress`. */}}
{{- define "argosy.metricsIngress" -}}
{{- if .Values.metrics.enabled }}
{{- with .Values.networkPolicy.metricsClients -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports: [{port: metrics}]
{{- end }}
{{- end }}
{{- end }}

{{/* Secrets for TLS towards Temporal: name of the volume, and of the Secret. */}}
{{- define "argosy.tls" -}}
{{- with .Values.temporal.tls }}
{{- if .enabled }}
{{- with .ca.existingSecret }}
temporal-ca: {{ . | quote }}
{{- end }}
{{- with .client.existingSecret }}
temporal-client: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "argosy.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if not .Values.encryption.asVariable }}
- {name: encryption, mountPath: /encryption, readOnly: true}
{{- end }}
{{- range $name, $value := include "argosy.tls" . | fromYaml }}
- {name: {{ $name }}, mountPath: /{{ $name }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "argosy.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if not .Values.encryption.asVariable }}
- name: encryption
  secret: {secretName: {{ .Values.encryption.existingSecret | quote }}, defaultMode: 0440}
{{- end }}
{{- range $name, $value := include "argosy.tls" . | fromYaml }}
- name: {{ $name }}
  secret: {secretName: {{ $value | quote }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{/* A replica on each node and in each zone, as far as there are some. */}}
{{- define "argosy.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ $key }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "argosy.selector" $ | nindent 6 }}
{{- end }}
{{- end }}

{{- define "argosy.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
