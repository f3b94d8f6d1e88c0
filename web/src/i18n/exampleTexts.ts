/** What the examples do, in Chinese; their documents say it in English. */
export const EXAMPLES: Record<string, string> = {
  approval: '由人批准后才发布报告',
  branches: '按条件走不同分支：发布数据，或提醒没有数据',
  dependency: '等待昨日的夜间加载完成后生成报告',
  'erp-orders': '通过保存了登录信息的连接调用服务',
  'failure-handling': '加载失败后自动修复，实例最终成功',
  'fan-out': '把工作拆成三份并行执行，再汇总结果',
  heartbeat: '每小时运行四次的心跳',
  hello: '打招呼，等一会儿，再告别',
  'http-and-python': '通过 HTTP 请求服务，并用 Python 处理结果',
  'load-region': '加载一个区域的订单并计数',
  'load-regions': '按区域和日期动态展开，并汇总加载结果',
  nightly: '按上海时间每晚生成一份报告',
  parameters: '统计城市名的字母数，并把结果传给下游',
  retries: '失败两次后在限次内成功',
  secrets: '任务使用密码和令牌，日志中不显示',
};
