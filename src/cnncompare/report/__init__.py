"""The report: findings, tables, figures and the HTML page, from compared runs."""
