// SPDX-License-Identifier: Apache-2.0
// Renders a Helm chart with Go's own templates and those few of Helm's functions that our chart uses, so that the gate needs
// no Helm: JSON {"chart", "release", "values", "files", "templates"} in, {template: text} out. tests/k8s/run.sh holds it
// against the real Helm.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"text/template"
)

type files map[string]string

func (f files) Get(name string) string { return f[name] }

type input struct {
	Chart, Release, Values map[string]any
	Files                  files
	Templates              map[string]string
}

func encoded(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return string(out)
}

func indented(spaces int, text string) string {
	return strings.ReplaceAll("\n"+text, "\n", "\n"+strings.Repeat(" ", spaces))
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		log.Fatal(err)
	}
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out bytes.Buffer
			err := all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"toJson":    encoded,
		"nindent":   indented,
		"quote":     func(value any) string { return fmt.Sprintf("%q", fmt.Sprint(value)) },
		"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
		"list":      func(items ...any) []any { return items },
		"concat": func(lists ...[]any) (out []any) {
			for _, one := range lists {
				out = append(out, one...)
			}
			return out
		},
		"dict": func(pairs ...any) map[string]any {
			out := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				out[pairs[i].(string)] = pairs[i+1]
			}
			return out
		},
		"ternary": func(yes, no any, which bool) any {
			if which {
				return yes
			}
			return no
		},
		"default": func(other, value any) any {
			if value == nil || value == "" {
				return other
			}
			return value
		},
	})
	for name, text := range in.Templates {
		template.Must(all.New(name).Parse(text))
	}
	out := map[string]string{}
	for name := range in.Templates {
		if strings.HasPrefix(name, "_") {
			continue
		}
		var text bytes.Buffer
		data := map[string]any{"Chart": in.Chart, "Release": in.Release, "Values": in.Values, "Files": in.Files}
		if err := all.ExecuteTemplate(&text, name, data); err != nil {
			log.Fatal(err)
		}
		out[name] = text.String()
	}
	fmt.Println(encoded(out))
}
