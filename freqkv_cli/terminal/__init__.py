"""How it is shown: progress, figures and the answer; stdout is only ever the answer."""
