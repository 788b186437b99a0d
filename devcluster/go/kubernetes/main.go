// One binary for the parts of a Kubernetes control plane that a local member cluster needs.
//
// The name it is called by decides which part it is, so the three files in the cache are links to one.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllermanager.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	}
	part := filepath.Base(os.Args[0])
	command, known := commands[part]
	if !known {
		fmt.Fprintf(os.Stderr, "%q is not a part of this binary; call it as kube-apiserver, kube-controller-manager or kube-scheduler\n", part)
		os.Exit(2)
	}
	os.Exit(cli.Run(command()))
}
