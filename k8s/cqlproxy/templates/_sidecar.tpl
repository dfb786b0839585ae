{{/*
For the chart of an application that has this one as a dependency, in its Deployment or StatefulSet. Each is
given the values of the dependency: `include "cqlproxy.sidecar.volumes" .Subcharts.cqlproxy`.
*/}}

{{/* An element of initContainers (or, on request, of containers). */}}
{{- define "cqlproxy.sidecar.container" -}}
{{- if ne .Values.shape "sidecar" }}
{{- fail "cqlproxy.sidecar.container: set `shape: sidecar` in the values of cqlproxy" }}
{{- end }}
{{- $container := include "cqlproxy.container" . | fromYaml }}
{{- if .Values.sidecar.native }}{{- $_ := set $container "restartPolicy" "Always" }}{{- end }}
{{- list $container | toYaml }}
{{- end }}

{{/* Elements of volumes. */}}
{{- define "cqlproxy.sidecar.volumes" -}}
{{ include "cqlproxy.volumes" . }}
{{- if not .Values.sidecar.data.volume }}
- name: cqlproxy-data
  emptyDir:
    sizeLimit: {{ .Values.sidecar.data.sizeLimit }}
{{- end }}
{{- end }}

{{/* Annotations of the pod: it is replaced when the configuration changes. */}}
{{- define "cqlproxy.sidecar.annotations" -}}
{{ include "cqlproxy.checksum" . }}
{{- end }}

{{/* Labels of the pod, by which the PodMonitor finds it. */}}
{{- define "cqlproxy.sidecar.labels" -}}
cqlproxy-sidecar: {{ include "cqlproxy.fullname" . }}
{{- end }}

{{/* What the application's own terminationGracePeriodSeconds must be longer by. */}}
{{- define "cqlproxy.sidecar.graceSeconds" -}}
{{- include "cqlproxy.graceSeconds" . }}
{{- end }}
