{{/* The container, the same in both shapes but for what the pod around it asks for. */}}

{{- define "cqlproxy.container" -}}
name: cqlproxy
image: {{ include "cqlproxy.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, -c, /etc/cqlproxy/config/proxy.yaml]
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: cqlproxy-cql
    containerPort: {{ include "cqlproxy.listenPort" . }}
  - name: cqlproxy-admin
    containerPort: {{ include "cqlproxy.adminPort" . }}
{{- /* connect_timeout passes before the program gives up a primary that is away, and is started again. */}}
startupProbe:
  httpGet:
    {{- /* A sidecar's application is started when this succeeds. */}}
    path: {{ ternary "/ready" "/health" (eq .Values.shape "sidecar") }}
    port: cqlproxy-admin
    {{- include "cqlproxy.probeScheme" . | nindent 4 }}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: {{ add (default 60 .Values.config.connect_timeout | ceil | int) 30 }}
livenessProbe:
  httpGet:
    path: /health
    port: cqlproxy-admin
    {{- include "cqlproxy.probeScheme" . | nindent 4 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- if or (eq .Values.shape "standalone") .Values.sidecar.readinessProbe }}
readinessProbe:
  httpGet:
    path: /ready
    port: cqlproxy-admin
    {{- include "cqlproxy.probeScheme" . | nindent 4 }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}
{{- with include "cqlproxy.preStopSeconds" . | int }}
lifecycle:
  preStop:
    exec:
      command: [sleep, {{ . | toString | quote }}]
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - {name: cqlproxy-config, mountPath: /etc/cqlproxy/config, readOnly: true}
  - {name: cqlproxy-rules, mountPath: /etc/cqlproxy/rules, readOnly: true}
  {{- range include "cqlproxy.secrets" . | fromYamlArray }}
  - {name: cqlproxy-{{ .name }}, mountPath: /etc/cqlproxy/{{ .name }}, readOnly: true}
  {{- end }}
  - name: {{ include "cqlproxy.dataVolume" . }}
    mountPath: /var/lib/cqlproxy
    {{- if and (eq .Values.shape "sidecar") .Values.sidecar.data.volume }}
    subPath: cqlproxy
    {{- end }}
  - {name: cqlproxy-tmp, mountPath: /tmp}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "cqlproxy.probeScheme" -}}
scheme: {{ ternary "HTTPS" "HTTP" (ne .Values.admin.tls.secret "") }}
{{- end }}

{{- define "cqlproxy.dataVolume" -}}
{{- if eq .Values.shape "sidecar" }}{{ default "cqlproxy-data" .Values.sidecar.data.volume }}{{ else }}cqlproxy-data{{ end }}
{{- end }}

{{/* The Secrets that are mounted as files: a list of {name, secret, items}. */}}
{{- define "cqlproxy.secrets" -}}
- {name: admin, secret: {{ include "cqlproxy.adminSecret" . }}, items: [{key: {{ .Values.admin.token.key }}, path: token}]}
{{- if .Values.admin.tls.secret }}
- {name: admin-tls, secret: {{ .Values.admin.tls.secret }}}
{{- end }}
{{- if .Values.listen.tls.secret }}
- {name: listen-tls, secret: {{ .Values.listen.tls.secret }}}
{{- end }}
{{- range $side := list "primary" "shadow" }}
{{- if get $.Values.config $side }}
{{- with get $.Values $side }}
{{- if .password.existingSecret }}
- {name: {{ $side }}-password, secret: {{ .password.existingSecret }}, items: [{key: {{ .password.key }}, path: password}]}
{{- end }}
{{- if and .tls.enabled .tls.secret }}
- {name: {{ $side }}-tls, secret: {{ .tls.secret }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* All volumes but the one with the data. */}}
{{- define "cqlproxy.volumes" -}}
- name: cqlproxy-config
  configMap:
    name: {{ include "cqlproxy.fullname" . }}
- name: cqlproxy-rules
  configMap:
    name: {{ include "cqlproxy.fullname" . }}-rules
{{- range include "cqlproxy.secrets" . | fromYamlArray }}
- name: cqlproxy-{{ .name }}
  secret:
    secretName: {{ .secret }}
    {{- /* 0440 and 0444: in a pod of its own the files' group is that of the proxy (fsGroup); in another one's it may not be. */}}
    defaultMode: {{ ternary 292 288 (eq $.Values.shape "sidecar") }}
    {{- with .items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- end }}
- name: cqlproxy-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What changes when a pod must be replaced: not the rules, which are read again where they are. */}}
{{- define "cqlproxy.checksum" -}}
cqlproxy-configuration: {{ include "cqlproxy.configuration" . | sha256sum | trunc 16 }}
{{- end }}
