"""SVG files of given content."""


def svg(path, content, attributes='viewBox="0 0 100 100"'):
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{content}</svg>', "utf-8")
    return path
