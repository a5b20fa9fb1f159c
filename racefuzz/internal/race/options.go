package race

import (
	"fmt"
	"strconv"
)

// QuoteOptions returns settings by name as a case has them in its options,
// without those that are empty. Values are quoted, because some have line ends.
func QuoteOptions(settings map[string]*string) map[string]string {
	options := map[string]string{}
	for name, value := range settings {
		if *value != "" {
			options[name] = strconv.Quote(*value)
		}
	}
	return options
}

// UnquoteOptions does the opposite. An option that is not among the settings is
// an error.
func UnquoteOptions(options map[string]string, settings map[string]*string) error {
	for name, quoted := range options {
		setting, known := settings[name]
		if !known {
			return fmt.Errorf("no option %q", name)
		}
		var err error
		if *setting, err = strconv.Unquote(quoted); err != nil {
			return fmt.Errorf("option %s: %q is not quoted", name, quoted)
		}
	}
	return nil
}
