// Holds rendered pods to Pod Security `restricted`, with the code that the API server itself has for it.
//
// Reads objects of Kubernetes as JSON, one a line, from standard input; what is refused goes to standard
// error, and the exit code is 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type object struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     json.RawMessage   `json:"spec"`
}

type workload struct {
	Template corev1.PodTemplateSpec `json:"template"`
}

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	pods, refused := 0, 0
	for lines.Scan() {
		name, pod, err := podOf(lines.Bytes())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if pod == nil {
			continue
		}
		pods++
		results := evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)
		if result := policy.AggregateCheckResults(results); !result.Allowed {
			refused++
			fmt.Fprintf(os.Stderr, "%s: %s\n", name, result.ForbiddenDetail())
		}
	}
	fmt.Printf("pod security: %d pods, %d refused\n", pods, refused)
	if refused > 0 || pods == 0 {
		os.Exit(1)
	}
}

// podOf gives the pod of a workload or a bare one; none for what has no pods.
func podOf(line []byte) (string, *corev1.PodTemplateSpec, error) {
	var one object
	if err := json.Unmarshal(line, &one); err != nil {
		return "", nil, err
	}
	name := one.Kind + "/" + one.Metadata.Name
	switch one.Kind {
	case "Pod":
		pod := corev1.PodTemplateSpec{ObjectMeta: one.Metadata}
		return name, &pod, json.Unmarshal(one.Spec, &pod.Spec)
	case "Deployment", "StatefulSet", "Job":
		var spec workload
		return name, &spec.Template, json.Unmarshal(one.Spec, &spec)
	}
	return name, nil, nil
}
