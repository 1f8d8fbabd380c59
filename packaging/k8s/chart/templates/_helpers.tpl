{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- define "postern.selector" -}}
app.kubernetes.io/name: postern
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "postern.labels" -}}
{{ include "postern.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "postern.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "postern.toml" -}}
# [agent], [dns] and [http] come from the chart's values; the links follow.
[agent]
log_format = "json"

[dns]
listen = {{ toJson .listen }}
allow = {{ toJson .allow }}
ttl = "5s"   # CoreDNS keeps an answer as long again
{{- if .root.Values.upstreams }}
upstreams = {{ toJson .root.Values.upstreams }}
{{- end }}

[http]
listen = {{ toJson .http }}
allow = {{ toJson .httpAllow }}

{{ .root.Values.config }}
{{- end }}

{{- /* Of every container that runs for long. */ -}}
{{- define "postern.unprivileged" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "postern.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10053
runAsGroup: 10053
fsGroup: 10053
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "postern.identity" -}}
{{- if .Values.rrsa.roleArn }}
env:
  - {name: ALIBABA_CLOUD_ROLE_ARN, value: {{ .Values.rrsa.roleArn | quote }}}
  - {name: ALIBABA_CLOUD_OIDC_PROVIDER_ARN, value: {{ .Values.rrsa.oidcProviderArn | quote }}}
  - {name: ALIBABA_CLOUD_OIDC_TOKEN_FILE, value: /var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token}
{{- end }}
{{- end }}

{{- define "postern.secretMounts" -}}
- {name: config, mountPath: /etc/postern, readOnly: true}
- {name: token, mountPath: /var/run/secrets/postern, readOnly: true}
{{- if .Values.rrsa.roleArn }}
- {name: rrsa, mountPath: /var/run/secrets/ack.alibabacloud.com/rrsa-tokens, readOnly: true}
{{- end }}
{{- end }}

{{- define "postern.secretVolumes" -}}
- name: config
  configMap: {name: {{ .config }}}
- name: token
  secret:
    secretName: {{ .root.Values.tokenSecret.name }}
    items: [{key: {{ .root.Values.tokenSecret.key }}, path: token}]
    defaultMode: 0440
    optional: true
{{- if .root.Values.rrsa.roleArn }}
- name: rrsa
  projected:
    sources: [{serviceAccountToken: {audience: sts.aliyuncs.com, expirationSeconds: 3600, path: token}}]
{{- end }}
{{- end }}

{{- define "postern.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "postern.pullSecrets" -}}
{{- if .Values.image.pullSecrets }}
imagePullSecrets:
{{- range .Values.image.pullSecrets }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- /* On different nodes, and in different zones where there are some. */ -}}
{{- define "postern.spread" -}}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {app.kubernetes.io/name: postern, app.kubernetes.io/instance: {{ $.root.Release.Name }}, app.kubernetes.io/component: {{ $.component }}}}
{{- end }}
{{- end }}
