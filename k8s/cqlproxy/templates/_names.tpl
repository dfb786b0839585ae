{{/* What things are called, and the labels by which they find each other. */}}

{{- define "cqlproxy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 52 characters, so that what is appended to it still makes a name, that of a pod's revision included. */}}
{{- define "cqlproxy.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "cqlproxy.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "cqlproxy.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cqlproxy.selector" -}}
app.kubernetes.io/name: {{ include "cqlproxy.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cqlproxy.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "cqlproxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "cqlproxy.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{- define "cqlproxy.serviceAccount" -}}
{{- default (include "cqlproxy.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{/* The Secret with the admin token: one's own, or the one that the chart makes. */}}
{{- define "cqlproxy.adminSecret" -}}
{{- default (printf "%s-admin" (include "cqlproxy.fullname" .)) .Values.admin.token.existingSecret }}
{{- end }}
