prime verison
