module postern.test/render

go 1.19
