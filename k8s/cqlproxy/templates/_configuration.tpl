{{/*
The configuration file of the program: `config` of the values, and what follows from the rest of them. Where
files are mounted is said in _container.tpl as well.
*/}}

{{- define "cqlproxy.configuration" -}}
{{- $config := deepCopy .Values.config }}
{{- $everywhere := ternary "127.0.0.1" "0.0.0.0" (eq .Values.shape "sidecar") }}
{{- $_ := set $config "listen" (merge (default dict $config.listen) (dict "host" $everywhere)) }}
{{- /* The kubelet asks its probes of the pod's address, so the admin port is not on loopback, and has a token. */}}
{{- $admin := merge (default dict $config.admin) (dict "host" "0.0.0.0") }}
{{- $_ := set $admin "token_file" "/etc/cqlproxy/admin/token" }}
{{- if .Values.admin.tls.secret }}
{{- $_ := set $admin "tls" (dict "cert_file" "/etc/cqlproxy/admin-tls/tls.crt" "key_file" "/etc/cqlproxy/admin-tls/tls.key") }}
{{- end }}
{{- $_ := set $config "admin" $admin }}
{{- with .Values.listen.tls }}
{{- if .secret }}
{{- $tls := dict "cert_file" "/etc/cqlproxy/listen-tls/tls.crt" "key_file" "/etc/cqlproxy/listen-tls/tls.key" }}
{{- if .verifyClients }}{{- $_ := set $tls "client_ca_file" "/etc/cqlproxy/listen-tls/ca.crt" }}{{- end }}
{{- $_ := set $config.listen "tls" $tls }}
{{- end }}
{{- end }}
{{- range $side := list "primary" "shadow" }}
{{- $cluster := get $config $side }}
{{- if $cluster }}
{{- $given := get $.Values $side }}
{{- if $given.password.existingSecret }}
{{- $_ := set $cluster "password_file" (printf "/etc/cqlproxy/%s-password/password" $side) }}
{{- end }}
{{- with $given.tls }}
{{- if .enabled }}
{{- $tls := dict "check_hostname" .checkHostname }}
{{- if .secret }}
{{- if .verifyByAuthority }}{{- $_ := set $tls "ca_file" (printf "/etc/cqlproxy/%s-tls/ca.crt" $side) }}{{- end }}
{{- if .showCertificate }}
{{- $_ := set $tls "cert_file" (printf "/etc/cqlproxy/%s-tls/tls.crt" $side) }}
{{- $_ := set $tls "key_file" (printf "/etc/cqlproxy/%s-tls/tls.key" $side) }}
{{- end }}
{{- end }}
{{- $_ := set $cluster "tls" $tls }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- $_ := set $config "state_file" "/var/lib/cqlproxy/state.json" }}
{{- $_ := set $config "mirror" (merge (dict "journal_path" "/var/lib/cqlproxy/journal.db") (default dict $config.mirror)) }}
{{- if and (eq .Values.shape "sidecar") (not .Values.sidecar.data.volume) }}
{{- /* An emptyDir that grows beyond its limit has the whole pod evicted, the application with it. */}}
{{- $_ := set $config "mirror" (merge $config.mirror (dict "journal_max_bytes" "1GiB")) }}
{{- end }}
{{- $_ := set $config "filters" (dict "rules_file" "/etc/cqlproxy/rules/rules.yaml") }}
{{- toYaml $config }}
{{- end }}

{{- define "cqlproxy.listenPort" -}}
{{- default 9042 (default dict .Values.config.listen).port | int }}
{{- end }}

{{- define "cqlproxy.adminPort" -}}
{{- default 8080 (default dict .Values.config.admin).port | int }}
{{- end }}

{{/*
How long the program may take to stop: it answers what clients have asked (request_timeout_ms at most), then
delivers copies (shutdown_drain_seconds), then writes the rest to the journal, for which the last seconds are.
*/}}
{{- define "cqlproxy.stopSeconds" -}}
{{- $request := divf (default 12000 .Values.config.request_timeout_ms) 1000 }}
{{- $drain := ternary .Values.config.shutdown_drain_seconds 5 (hasKey .Values.config "shutdown_drain_seconds") }}
{{- addf $request $drain 15 | ceil | int }}
{{- end }}

{{/* A native sidecar has no hook: it is told to stop only when the application has ended. */}}
{{- define "cqlproxy.preStopSeconds" -}}
{{- if and (eq .Values.shape "sidecar") .Values.sidecar.native }}0{{ else }}{{ .Values.preStopSeconds }}{{ end }}
{{- end }}

{{/* stopSeconds and the hook before it: what terminationGracePeriodSeconds must not be less than. */}}
{{- define "cqlproxy.graceSeconds" -}}
{{- add (include "cqlproxy.stopSeconds" . | int) (include "cqlproxy.preStopSeconds" . | int) }}
{{- end }}
