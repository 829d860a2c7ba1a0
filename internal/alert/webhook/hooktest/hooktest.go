// Package hooktest is a server that behaves like the robots of DingTalk, WeCom, Feishu and Slack and like a receiver of signed JSON, for
// tests. It shares no code with package webhook: it checks signatures by the published rules itself.
package hooktest
